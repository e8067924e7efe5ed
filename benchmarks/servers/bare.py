"""The limit of uvicorn: takes the body and answers the same bytes to everybody, without any framework."""

from starlette.types import Receive, Scope, Send

from benchmarks.servers.empty import ANSWER

BODY = ANSWER.model_dump_json().encode()
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def app(_scope: Scope, receive: Receive, send: Send) -> None:
    """Answer any request; uvicorn runs it with `--lifespan off`, so there is nothing else."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
