"""A small API server of Kubernetes: HTTPS with a CA of its own, and Secrets that can be created but not read.

`python kubernetes_api.py FOLDER` runs it in a container, where cryptography may be missing; it prints the Secrets.
"""

import json
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOKEN, NAMESPACE = "a token of the test", "churn-test"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"


class Api(ThreadingHTTPServer):
    """The server; `folder` has its certificate, which `certify` writes."""

    def __init__(self, folder: Path, address: tuple[str, int]) -> None:
        super().__init__(address, Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.secrets: dict[str, dict[str, Any]] = {}
        self.requests = 0
        self.refuses = False

    def handle_error(self, *_: object) -> None:
        """Keep quiet about clients that do not trust the certificate."""

    def create(self, secret: dict[str, Any]) -> int:
        """Keep a Secret, and return the status of the answer."""
        name = secret["metadata"]["name"]
        if self.refuses or secret["kind"] != "Secret":
            return 403
        if name in self.secrets:
            return 409
        self.secrets[name] = secret
        return 201


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Api
    timeout = 10

    def do_POST(self) -> None:
        self.server.requests += 1
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_known = self.headers["Authorization"] == f"Bearer {TOKEN}"
        status = self.server.create(body) if is_known and self.path == SECRETS else 401
        if status == 201 and __name__ == "__main__":
            sys.stdout.write(f"{json.dumps(body)}\n")
            sys.stdout.flush()
        answer = json.dumps({"kind": "Status", "code": status}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def certify(folder: Path, host: str) -> None:
    """Write the certificate of a server, and what Kubernetes gives a pod: the CA, a token and the namespace."""
    # The imports are here because the image of the service does not have the package.
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415

    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    def signed(subject: str, key: Any, extension: Any) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(name("ca"), name(subject), key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        own, issuer = key.public_key(), authority.public_key()
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(own), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
        return builder.add_extension(extension, critical=True).sign(authority, hashes.SHA256())

    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    server = signed("server", key, x509.SubjectAlternativeName([x509.DNSName(host)]))
    folder.mkdir(exist_ok=True)
    (folder / "server.pem").write_bytes(private + server.public_bytes(pem))
    # It lacks the extension KeyUsage, as the CAs of some clusters do.
    ca = signed("ca", authority, x509.BasicConstraints(ca=True, path_length=None))
    (folder / "ca.crt").write_bytes(ca.public_bytes(pem))
    (folder / "token").write_text(TOKEN)
    (folder / "namespace").write_text(NAMESPACE)


@contextmanager
def running(folder: Path) -> Iterator[Api]:
    """Run the server with the certificate of a folder on a free port of localhost, until the block ends."""
    with Api(folder, ("127.0.0.1", 0)) as api:
        threading.Thread(target=api.serve_forever, daemon=True).start()
        try:
            yield api
        finally:
            api.shutdown()


if __name__ == "__main__":
    Api(Path(sys.argv[1]), ("", 443)).serve_forever()
