"""Makes the exchange in which the app's own error format answers a request that the server refuses."""

import asyncio
from typing import Any

from starlette.exceptions import HTTPException
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


def make_cycle(protocol: HttpToolsProtocol, fault: HTTPException) -> RequestResponseCycle:
    """Return the cycle of the request that is being parsed; its app finds the fault in the state."""
    state = {**protocol.app_state, "fault": fault}
    scope: Any = {**protocol.scope, "path": "", "query_string": b"", "method": "", "state": state}
    if protocol.url:  # otherwise there is no method either
        scope["method"] = protocol.parser.get_method().decode()
        scope["path"] = protocol.url.partition(b"?")[0].decode("latin-1")
    cycle = RequestResponseCycle(
        scope=scope,
        transport=protocol.transport,
        flow=protocol.flow,
        logger=protocol.logger,
        access_logger=protocol.access_logger,
        access_log=protocol.access_log,
        default_headers=protocol.server_state.default_headers,
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=False,
        on_response=protocol.on_response_complete,
    )
    cycle.more_body = False
    return cycle
