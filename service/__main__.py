"""Starts the service: `python -m service [--port 9000 ...]`; `--help` lists the settings.

`python -m service keys` manages API keys.
"""

import signal

if hasattr(signal, "SIGHUP"):  # in workers too, and before the imports, which take most of the start
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a starting process loads the newest model anyway

import logging.config
import os
import socket
import sys
from contextlib import nullcontext, suppress

import uvicorn
from pydantic import SecretStr
from uvicorn.config import STARTUP_FAILURE

from models import command_line, listening
from service import json_logging
from service.access import keys_command, keys_file
from service.errors import KeysUnreadable
from service.log import shipper_process
from service.log.spool import Spool
from service.server import places, tls, workers
from service.settings import Settings

logger = logging.getLogger("service")

ACCEPTED_PER_TURN = 64
"""Connections per turn. A loaded turn takes tens of milliseconds; with one each, the hundredth waits for seconds."""
MAX_GRACE_SECONDS = 5
"""Time for unfinished requests after the drain."""


def main() -> None:
    """Serve until stopped; end with 2 if a setting is invalid or the port is taken."""
    if sys.argv[1:2] == ["keys"]:
        keys_command.main(sys.argv[2:])
        return
    settings = command_line.read(Settings, sys.argv[1:], program="python -m service")
    os.umask(0o077)  # the files hold customer data
    logging.config.dictConfig(json_logging.config())  # as Uvicorn does later; the first key is made before
    if problem := _find_problem(settings):
        sys.stderr.write(f"{problem}\n")
        raise SystemExit(command_line.INVALID)
    # Each worker builds its own app from the environment, so the flags must be there.
    os.environ |= {f"SERVICE_{name.upper()}": _write(value) for name, value in settings if value is not None}
    config = tls.Config(
        "service.app:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        http="service.server.connection:Connection",
        log_config=json_logging.config(),
        access_log=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=MAX_GRACE_SECONDS,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        ssl_ciphers=tls.CIPHERS,
    )
    places.raise_limit()
    sockets = _listen(config) + _listen_for_operators(settings, config)
    with shipper_process.running(Spool(settings.spool)) if settings.log_url else nullcontext():
        if settings.workers > 1:
            workers.run(config, sockets)
        else:
            _run(uvicorn.Server(config), sockets)


def _write(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _find_problem(settings: Settings) -> str | None:
    """Return why the service must not start with these settings, and the remedy."""
    if not (settings.keys_file or settings.allow_anonymous or listening.is_loopback(settings.host)):
        return (
            f"SERVICE_HOST={settings.host} lets everyone predict and report outcomes who reaches it. Make a key with "
            "`python -m service keys add NAME` and set SERVICE_KEYS_FILE, or allow it with --allow-anonymous."
        )
    if settings.keys_file:
        try:
            if settings.make_first_key and (made := keys_file.create(settings.keys_file)):
                logger.info("made the first key; read it with `cat %s`, in a container with `docker exec`", made)
            keys_file.read(settings.keys_file)
        except KeysUnreadable as error:
            return str(error)
    problem = tls.find_problem(settings.tls_certificate, settings.tls_key) or listening.find_problem(
        settings.host, settings.port, settings=("SERVICE_HOST", "SERVICE_PORT")
    )
    if settings.ops_port is None:
        return problem
    if settings.ops_port and settings.ops_port == settings.port:
        return f"SERVICE_OPS_PORT={settings.ops_port} is the port for clients, too; choose another"
    named = ("SERVICE_OPS_HOST", "SERVICE_OPS_PORT")
    return problem or listening.find_problem(settings.ops_host, settings.ops_port, settings=named)


def _listen(config: uvicorn.Config) -> list[socket.socket]:
    """Bind the socket and duplicate it: libuv accepts one connection per turn from each (libuv's change 3696)."""
    first = config.bind_socket()
    host = f"[{config.host}]" if ":" in config.host else config.host
    host = "localhost" if config.host in ("0.0.0.0", "::", "127.0.0.1") else host  # noqa: S104  # named, not bound
    scheme = "https" if config.is_ssl else "http"
    at = f"{scheme}://{host}:{first.getsockname()[1]}"
    logger.info("the page is %s/ and that of the API is %s/docs", at, at)
    return [first, *(first.dup() for _ in range(ACCEPTED_PER_TURN - 1))]


def _listen_for_operators(settings: Settings, config: tls.Config) -> list[socket.socket]:
    """Bind the operators' port, if there is one, and tell the workers its number; it speaks plain HTTP."""
    if settings.ops_port is None:
        return []
    bound = uvicorn.Config("", host=settings.ops_host, port=settings.ops_port, log_config=None).bind_socket()
    config.plain_port = port = bound.getsockname()[1]
    os.environ["SERVICE_OPS_PORT"] = str(port)
    logger.info("operators find /metrics and /health on port %s of %s", port, settings.ops_host)
    return [bound]


def _run(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
    # Uvicorn raises the signal that ended it again. By default, SIGTERM would end this process before the shipper ends.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with suppress(KeyboardInterrupt):  # no traceback after Ctrl-C
        server.run(sockets)
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)


if __name__ == "__main__":
    main()
