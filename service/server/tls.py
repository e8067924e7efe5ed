"""TLS: checks the certificate before the service starts, and leaves the handshake to `service.server.connection`.

Uvicorn would let the event loop make the handshake, in which a client may take a minute, and which nobody counts.
"""

import ssl
from pathlib import Path

import uvicorn

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2; those of TLS 1.3 are all good."""


class Config(uvicorn.Config):
    """Uvicorn's configuration, whose certificate the connections use themselves."""

    tls: ssl.SSLContext | None = None
    plain_port: int | None = None
    """Port that speaks plain HTTP all the same."""

    def tls_at(self, port: int) -> ssl.SSLContext | None:
        """Return how connections to a port are encrypted, None for plain HTTP."""
        return None if port == self.plain_port else self.tls

    def load(self) -> None:
        """Load the app and the certificate."""
        super().load()
        self.tls, self.ssl = self.ssl, None
        if self.tls is not None:
            self.tls.minimum_version = ssl.TLSVersion.TLSv1_2


def find_problem(certificate: Path | None, key: Path | None) -> str | None:
    """Return why a certificate cannot be used, with the setting to correct; None if it can, or if there is none."""
    if certificate is None or key is None:
        missing = "SERVICE_TLS_KEY" if key is None else "SERVICE_TLS_CERTIFICATE"
        return f"HTTPS needs a certificate and its key; set {missing}, too" if certificate or key else None
    for path, setting in ((certificate, "SERVICE_TLS_CERTIFICATE"), (key, "SERVICE_TLS_KEY")):
        try:
            path.read_bytes()
        except OSError as error:
            return f"{path}: {error.strerror}; correct {setting}, or make the file readable"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_refuse_password)
    except (OSError, ValueError) as error:
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            return f"{key}: this is not the key of {certificate}; correct SERVICE_TLS_KEY or SERVICE_TLS_CERTIFICATE"
        return _find_unreadable(certificate, key)
    return None


def _find_unreadable(certificate: Path, key: Path) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(certificate)
    except ssl.SSLError:
        return f"{certificate}: this is not a certificate in PEM form; correct SERVICE_TLS_CERTIFICATE"
    return f"{key}: this is not a key in PEM form without a password; correct SERVICE_TLS_KEY"


def _refuse_password() -> str:
    raise ValueError("the key has a password")
