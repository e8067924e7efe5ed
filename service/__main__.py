"""Starts the service: `python -m service [--port 9000 ...]`; `--help` lists the settings."""

import signal

if hasattr(signal, "SIGHUP"):  # in workers too, and before the imports, which take most of the start
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a starting process loads the newest model anyway

import logging
import os
import socket
import sys
from contextlib import nullcontext, suppress

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from models import command_line, listening
from service import json_logging, workers
from service.log import shipper_process
from service.settings import Settings

if sys.platform != "win32":
    import resource

logger = logging.getLogger("service")

MAX_CONNECTIONS = 8_192
ACCEPTED_PER_TURN = 64
"""Connections per turn. A loaded turn takes tens of milliseconds; with one each, the hundredth waits for seconds."""
MAX_GRACE_SECONDS = 5
"""Time for unfinished requests after the drain."""


def main() -> None:
    """Serve until stopped; end with 2 if a setting is invalid or the port is taken."""
    settings = command_line.read(Settings, sys.argv[1:], program="python -m service")
    if problem := listening.find_problem(settings.host, settings.port, settings=("SERVICE_HOST", "SERVICE_PORT")):
        sys.stderr.write(f"{problem}\n")
        raise SystemExit(command_line.INVALID)
    os.umask(0o077)  # the files hold customer data
    # Each worker builds its own app from the environment, so the flags must be there.
    os.environ |= {f"SERVICE_{name.upper()}": str(value) for name, value in settings if value is not None}
    config = uvicorn.Config(
        "service.app:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        http="service.connection:Connection",
        log_config=json_logging.config(),
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=MAX_GRACE_SECONDS,
    )
    _raise_limit_of_connections()
    with shipper_process.running() if settings.log_url else nullcontext():
        if settings.workers > 1:
            workers.run(config, _listen(config))
        else:
            _run(uvicorn.Server(config), _listen(config))


def _listen(config: uvicorn.Config) -> list[socket.socket]:
    """Bind the socket and duplicate it: libuv accepts one connection per turn from each (libuv's change 3696)."""
    first = config.bind_socket()
    host = f"[{config.host}]" if ":" in config.host else config.host
    host = "localhost" if config.host in ("0.0.0.0", "::", "127.0.0.1") else host  # noqa: S104  # named, not bound
    logger.info("the API's page is http://%s:%s/docs", host, first.getsockname()[1])
    return [first, *(first.dup() for _ in range(ACCEPTED_PER_TURN - 1))]


def _run(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
    # Uvicorn raises the signal that ended it again. By default, SIGTERM would end this process before the shipper ends.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with suppress(KeyboardInterrupt):  # no traceback after Ctrl-C
        server.run(sockets)
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)


def _raise_limit_of_connections() -> None:
    """Raise the limit of open files, up to `MAX_CONNECTIONS`, which bounds memory; more connections are closed."""
    if sys.platform != "win32":
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        allowed = MAX_CONNECTIONS if most == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))


if __name__ == "__main__":
    main()
