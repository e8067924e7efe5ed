"""Starts the service: `python -m service [--port 9000 ...]`; `--help` lists the settings."""

import signal

if hasattr(signal, "SIGHUP"):  # in workers too; before the imports, which take longer than all the rest of the start
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # whoever starts will see the newest model anyway

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
"""Under load a turn takes tens of milliseconds, and with one connection a turn the hundredth would wait for seconds."""
MAX_GRACE_SECONDS = 5
"""For requests that are unfinished when the server ends; the time of draining comes before."""


def main() -> None:
    """Serve until stopped; end with 2 if a setting is invalid or the port is taken."""
    settings = command_line.read(Settings, sys.argv[1:], program="python -m service")
    if problem := listening.find_problem(settings.host, settings.port, prefix="SERVICE"):
        sys.stderr.write(f"{problem}\n")
        raise SystemExit(command_line.INVALID)
    os.umask(0o077)  # what is written is about customers
    # Each process builds its own app, from the environment: flags given here must reach it.
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
    """Take the address, many times over: libuv accepts one connection a turn of each (libuv's change 3696)."""
    first = config.bind_socket()
    host = "localhost" if config.host in ("0.0.0.0", "::", "127.0.0.1") else config.host  # noqa: S104  # named, not bound
    logger.info("the API's page is http://%s:%s/docs", host, first.getsockname()[1])
    return [first, *(first.dup() for _ in range(ACCEPTED_PER_TURN - 1))]


def _run(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
    # Uvicorn sends itself the signal that ended it once more; by default SIGTERM would end us before the shipper has.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with suppress(KeyboardInterrupt):  # a person at a keyboard knows why it ends
        server.run(sockets)
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)


def _raise_limit_of_connections() -> None:
    """Allow as many connections as the machine does, up to a bound, for memory's sake; more are closed at once."""
    if sys.platform != "win32":
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        allowed = MAX_CONNECTIONS if most == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))


if __name__ == "__main__":
    main()
