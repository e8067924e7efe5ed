"""A server on 127.0.0.1 that gives the answers it was told, one after the other."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """An answer; without a status, the connection ends without one."""

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


LOST = Answer(None)


@dataclass(frozen=True)
class Received:
    """A request."""

    method: str
    path: str
    request_id: str
    body: bytes
    at: float
    """By the monotonic clock."""


@dataclass
class ScriptedServer:
    """Gives its last answer again and again; remembers every request."""

    answers: list[Answer] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    url: str = ""
    is_silent: bool = False
    """Answers wait until the end of the test."""
    ended: threading.Event = field(default_factory=threading.Event)

    def script(self, *answers: Answer) -> None:
        """Give these answers from now on."""
        self.answers[:] = answers

    def next(self) -> Answer:
        """Take the next answer."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def problem(status: int, retry_after: str | None = None, **facts: object) -> Answer:
    """Refuse as the service does."""
    body = {"title": "A title", "status": status, "detail": "What is wrong.", "request_id": "theirs"} | facts
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Answer(status, headers | {"Content-Type": "application/problem+json"}, json.dumps(body).encode())


def ok(body: object) -> Answer:
    """Answer with JSON."""
    return Answer(200, {"Content-Type": "application/json"}, json.dumps(body).encode())


@contextmanager
def serving() -> Iterator[ScriptedServer]:
    """Serve on a free port."""
    script = ScriptedServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request_id = self.headers["X-Request-ID"]
            script.received.append(Received(self.command, self.path, request_id, body, time.monotonic()))
            if script.is_silent:
                script.ended.wait(30)
            answer = script.next()
            if answer.status is None:
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_POST = do_GET  # noqa: N815  # the library calls it so

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that does not wait is no news
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield script
    finally:
        script.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
