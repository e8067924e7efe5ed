"""Starts the service: `python -m service [--port 9000 ...]`; `--help` lists the settings."""

import errno
import os
import socket
import sys

import uvicorn
from pydantic import ValidationError
from pydantic_settings import CliApp

from service import logs
from service.settings import Settings


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
    # Each process builds its own app, from the environment: flags given here must reach it.
    os.environ |= {f"SERVICE_{name.upper()}": str(value) for name, value in settings}
    uvicorn.run(
        "service.app:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=logs.config(settings.log_level),
        access_log=False,
        server_header=False,
        ws="none",
    )


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
