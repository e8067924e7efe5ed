"""The upper limit of uvicorn: reads the body and always answers the same bytes, without any framework."""

from starlette.types import Receive, Scope, Send

from benchmarks.servers.empty import ANSWER

BODY = ANSWER.model_dump_json().encode()
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def app(_scope: Scope, receive: Receive, send: Send) -> None:
    """Answer any request; uvicorn runs with `--lifespan off`, so there are no other events."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
