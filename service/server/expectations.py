"""Closes the connection after an answer that came instead of `100 Continue`.

The client may send the body all the same, or go on with its next request, and the two cannot be told apart.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


def watch(cycle: RequestResponseCycle) -> None:
    """Close after the answer if the body was neither asked for nor sent; call it before the app runs."""
    send = cycle.send

    async def send_and_close(message: Any) -> None:
        if cycle.waiting_for_100_continue and cycle.more_body:
            cycle.keep_alive = False
        await send(message)

    cycle.send = send_and_close  # type: ignore[method-assign]
