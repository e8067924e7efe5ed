"""Starts the service: `python -m service [--port 9000 ...]`; `--help` lists the settings."""

import os
import sys

import uvicorn
from pydantic import ValidationError
from pydantic_settings import CliApp

from service import logs
from service.settings import Settings


def main() -> None:
    """Serve until told to stop; end with 2 if a setting cannot be."""
    try:
        settings = CliApp.run(Settings)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            sys.stderr.write(f"--{str(problem['loc'][0]).replace('_', '-')}: {problem['msg']}\n")
        raise SystemExit(2) from None
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


if __name__ == "__main__":
    main()
