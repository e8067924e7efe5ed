"""Begins TLS on an accepted connection, with limits of time.

The loop's own `start_tls` begins a turn later, and may lose what the client has sent until then.
"""

import asyncio
import ssl
from asyncio import sslproto
from typing import Any

try:
    import uvloop.loop as uvloop
except ImportError:
    uvloop = None  # type: ignore[assignment]  # it does not exist for Windows

HANDSHAKE_SECONDS, GOODBYE_SECONDS = 5.0, 5.0
"""Time for TLS to begin and to end."""


def begin(
    loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, protocol: asyncio.Protocol, context: ssl.SSLContext
) -> asyncio.Future[None]:
    """Begin TLS, and call `connection_made` of the protocol when it has begun; return when it has begun or failed."""
    kind: Any = uvloop.SSLProtocol if uvloop and isinstance(loop, uvloop.Loop) else sslproto.SSLProtocol
    ended: asyncio.Future[None] = loop.create_future()
    secured = kind(
        loop,
        protocol,
        context,
        ended,
        server_side=True,
        ssl_handshake_timeout=HANDSHAKE_SECONDS,
        ssl_shutdown_timeout=GOODBYE_SECONDS,
    )
    transport.set_protocol(secured)
    secured.connection_made(transport)
    return ended
