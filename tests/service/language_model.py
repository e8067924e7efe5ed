"""A language model on 127.0.0.1 that speaks the chat completions of OpenAI, and can be told to answer otherwise."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TEXT = "The contract and the support tickets put this customer at risk. Begin by asking how the last ticket was solved."
USAGE = {"prompt_tokens": 130, "completion_tokens": 25, "total_tokens": 155}


def completion(text: object = TEXT, **others: Any) -> bytes:
    """Write an answer, as the API documents it."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "small", "choices": [choice]}
    return json.dumps(answer | {"usage": USAGE} | others).encode()


@dataclass(frozen=True)
class Asked:
    """A request."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        return str(self.body["messages"][-1]["content"])


@dataclass
class Model:
    """What the model answers, and what it was asked."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = field(default_factory=completion)
    asked: list[Asked] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)
    """Answers wait for it."""
    drips: bool = False
    """Whether the answer comes byte by byte and never ends."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def refusal(self, path: str, body: Mapping[str, Any]) -> int | None:
        """Return the status of a request that the API does not know."""
        if not path.endswith("/v1/chat/completions"):
            return 404
        known = {"model": str, "messages": list, "max_tokens": int}
        is_right = set(body) == set(known) and all(isinstance(body[name], kind) for name, kind in known.items())
        return None if is_right and body["model"] == "small" else 400


@contextmanager
def answering() -> Iterator[Model]:
    """Answer on a free port."""
    model = Model()
    model.go_on.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            model.asked.append(Asked(self.path, dict(self.headers), body))
            model.go_on.wait(30)
            self.send_response(model.refusal(self.path, body) or model.status)
            for name, value in (model.headers | {"Transfer-Encoding": "chunked"}).items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # who asked has left
                while model.drips and not stopped.wait(0.01):
                    self.chunk(b" ")
                self.chunk(model.answer)
                self.wfile.write(b"0\r\n\r\n")

        do_GET = do_POST  # noqa: N815  # what a redirect would lead to

        def chunk(self, part: bytes) -> None:
            if part:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))

        def log_message(self, *_: object) -> None:
            pass

    stopped = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that left is no news
    model.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield model
    finally:
        stopped.set()
        model.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()
