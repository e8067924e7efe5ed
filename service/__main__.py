"""Starts the service: `python -m service [--port 9000 ...]`; `--help` lists the settings."""

import signal

if hasattr(signal, "SIGHUP"):  # in workers too; before the imports, which take longer than all the rest of the start
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # whoever starts will see the newest model anyway

import errno
import os
import socket
import sys
from contextlib import nullcontext, suppress

import uvicorn
from pydantic import ValidationError
from pydantic_settings import CliApp
from uvicorn.config import STARTUP_FAILURE

from service import json_logging, workers
from service.log import shipper_process
from service.settings import Settings

if sys.platform != "win32":
    import resource

MAX_CONNECTIONS = 8_192
ACCEPTED_PER_TURN = 64
"""Under load a turn takes tens of milliseconds, and with one connection a turn the hundredth would wait for seconds."""
MAX_GRACE_SECONDS = 5
"""For requests that are unfinished when the server ends; the time of draining comes before."""


def main() -> None:
    """Serve until told to stop; end with 2 if a setting cannot be, or the port cannot be had."""
    try:
        settings = CliApp.run(Settings)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            sys.stderr.write(f"--{str(problem['loc'][0]).replace('_', '-')}: {problem['msg']}\n")
        raise SystemExit(2) from None
    if refusal := _find_problem_with_address(settings.host, settings.port):
        sys.stderr.write(f"{refusal}\n")
        raise SystemExit(2)
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


def _find_problem_with_address(host: str, port: int) -> str | None:
    """Try the address before the model is loaded; without listening, so that nobody connects to the trial."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"port {port} is taken; choose another with SERVICE_PORT"
        return f"{host} port {port}: {error.strerror}; choose others with SERVICE_HOST and SERVICE_PORT"
    return None


if __name__ == "__main__":
    main()
