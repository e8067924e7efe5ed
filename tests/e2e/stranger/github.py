"""What GitHub is to the workflows, on 127.0.0.1: its API, pull requests, signatures, registry, and an advisory service.

A token knows its permissions, and a call without the right one is refused as GitHub does.
"""

import base64
import hashlib
import json
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.e2e.stranger.runner import Run

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
Answer = tuple[int, Any]


@dataclass
class PullRequest:
    """A pull request."""

    title: str
    body: str


@dataclass
class GitHub:
    """The state of one repository there."""

    repository: str
    has_environment: bool = True
    port: int = 0
    tokens: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Token to its permissions."""
    runs: list[Run] = field(default_factory=list)
    dispatched: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[PullRequest] = field(default_factory=list)
    started: list[list[str]] = field(default_factory=list)
    """Workflows that were started by `gh workflow run`."""
    signed: set[tuple[str, str]] = field(default_factory=set)
    """Image by digest, and the kind of what is claimed about it."""
    manifests: dict[str, bytes] = field(default_factory=dict)
    """Name and digest or tag of an image to its manifest."""
    refused: list[str] = field(default_factory=list)
    """Calls without permission."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def registry(self) -> str:
        return f"127.0.0.1:{self.port}"

    def token(self, permissions: Mapping[str, str]) -> str:
        """Make a token with these permissions."""
        self.tokens[text := f"ghs_{secrets.token_hex(8)}"] = dict(permissions)
        return text

    def answer(self, method: str, path: str, query: Mapping[str, str], token: str, body: Any) -> Answer:
        """Answer a call of the API."""
        place = f"{method} {path.removeprefix(f'/repos/{self.repository}/')}"
        inner: dict[str, Callable[[], Answer]] = {
            "POST /osv": lambda: (200, {}),
            "POST /gh": lambda: self._gh(body["words"], body["body"], token),
            "POST /push": lambda: self.refusal(token, "packages", "write") or (200, {"digest": self._push(**body)}),
        }
        if place in inner:
            return inner[place]()
        calls: dict[str, tuple[str, str, Callable[[], Answer]]] = {
            "GET actions/workflows/ci.yml/runs": ("actions", "read", lambda: (200, self._tested(query["head_sha"]))),
            "POST dispatches": ("contents", "write", lambda: self._dispatch(body)),
            "GET issues": ("issues", "read", lambda: (200, [])),
            "GET environments/production": ("actions", "read", self._production),
        }
        if place not in calls:
            return 404, {"message": f"Not Found: {place}"}
        what, right, found = calls[place]
        return self.refusal(token, what, right) or found()

    def image(self, path: str, token: str) -> tuple[int, bytes]:
        """Answer a call of the registry: with the manifest of an image, or with nothing."""
        if token not in self.tokens:
            return 401, b""
        if self.refusal(token, "packages", "read"):
            return 403, b""
        return 404 if path and path not in self.manifests else 200, self.manifests.get(path, b"")

    def _production(self) -> Answer:
        return (200, {"deployment_branch_policy": {"protected_branches": True}}) if self.has_environment else (404, {})

    def _dispatch(self, body: dict[str, Any]) -> Answer:
        self.dispatched.append(body)
        return 204, None

    def refusal(self, token: str, what: str, right: str) -> Answer | None:
        """Return the answer to a token without a permission; None if it has it."""
        if self.tokens.get(token, {}).get(what, "") in ((right, "write")):
            return None
        self.refused.append(f"{what}: {right}")
        return 403, {"message": f"Resource not accessible by integration: {what}: {right}"}

    def _tested(self, sha: str) -> dict[str, Any]:
        found = [
            {
                "head_sha": run.sha,
                "event": "push",
                "status": "completed",
                "conclusion": run.conclusion,
                "html_url": f"{self.url}/runs/{number}",
            }
            for number, run in enumerate(self.runs)
            if run.workflow == "ci.yml" and run.sha == sha
        ]
        return {"workflow_runs": found}

    def _gh(self, words: list[str], body: str, token: str) -> Answer:
        """Do what the program `gh` does; the answer is what it prints."""
        rights = {
            "pr list": ("pull-requests", "read"),
            "pr view": ("pull-requests", "read"),
            "pr create": ("pull-requests", "write"),
            "pr edit": ("pull-requests", "write"),
            "workflow run": ("actions", "write"),
            "attestation verify": ("attestations", "read"),
        }
        command = " ".join(words[:2])
        if command == "auth setup-git":
            return 200, ""
        if refused := self.refusal(token, *rights[command]):
            return refused
        if command == "attestation verify":
            claim = words[2].removeprefix("oci://"), words[words.index("--predicate-type") + 1]
            return (200, "") if claim in self.signed else (404, "not signed")
        if command in ("pr create", "pr edit"):
            self.pulls.append(PullRequest(words[words.index("--title") + 1], body))
        elif command == "workflow run":
            self.started.append(words[2:])
        return 200, {"pr list": "1" if self.pulls else "", "pr view": f"{self.url}/pull/1"}.get(command, "")

    def _push(self, name: str, image: str) -> str:
        """Keep an image whose layers the engine has: pulling it needs nothing but this manifest."""
        config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": image}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}).encode()
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        self.manifests[f"{name.partition('/')[2].rpartition(':')[0]}/manifests/{digest}"] = manifest
        return digest


def _answers(github: GitHub) -> type[BaseHTTPRequestHandler]:
    """Return the class that answers for it."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            asked = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers["Content-Length"] or 0))
            if asked.path.startswith("/v2/"):
                self._registry(asked.path.removeprefix("/v2/"))
                return
            query = {name: values[0] for name, values in parse_qs(asked.query).items()}
            token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
            status, found = github.answer(self.command, asked.path, query, token, json.loads(raw) if raw else None)
            self._send(status, b"" if status == 204 else json.dumps(found).encode(), "application/json")

        do_GET = do_POST = do_PATCH = do_HEAD = _answer  # noqa: N815  # the names of http.server

        def _registry(self, path: str) -> None:
            given = re.fullmatch(r"Basic (\S+)", self.headers["Authorization"] or "")
            token = base64.b64decode(given[1]).decode().partition(":")[2] if given else ""
            status, manifest = github.image(path, token)
            kind, headers = "application/json", {"WWW-Authenticate": 'Basic realm="packages"'}
            if manifest:
                kind, headers = MANIFEST, {"Docker-Content-Digest": path.rpartition("/")[2]}
            self._send(status, manifest or b"{}", kind, **headers)

        def _send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
            self.send_response(status)
            for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def serving(github: GitHub) -> Iterator[GitHub]:
    """Let it answer on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _answers(github))
    github.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
