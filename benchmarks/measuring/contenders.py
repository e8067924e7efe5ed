"""The compared servers: the service and its alternatives. Each is a command that listens on a port."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.measuring import pinned_model
from benchmarks.servers import plain
from models.features import CONTRACT
from models.keys import SCOPES
from service.access import keys_file

PORT = "{port}"
"""Placeholder for the port in a command and in its environment."""
OURS, OPEN, UNLOGGED = "service", "service without keys", "service without its log"
TWO_WORKERS = "service with two workers"
EMPTY, BARE, PLAIN = "empty endpoint", "bare uvicorn", "pipeline on a DataFrame"
_UVICORN = (
    *(sys.executable, "-m", "uvicorn", "--port", PORT, "--loop", "uvloop", "--http", "httptools", "--ws", "none"),
    *("--no-access-log", "--no-proxy-headers", "--no-server-header", "--log-level", "warning"),
)


@dataclass(frozen=True)
class Contender:
    """A server, and the request that the load sends to it."""

    name: str
    command: tuple[str, ...]
    path: str = "/predict"
    body: bytes = json.dumps(CONTRACT.example).encode()
    environment: Mapping[str, str] = field(default_factory=dict)
    key: str = "0" * 43
    """The API key in each request; servers that ask for none get one of the same length."""
    expected: float | None = None
    """Probability that its answer must contain; None if it has another model, or none."""
    workers: int = 1
    """Its worker processes; one is pinned to a core."""


def service(scratch: Path) -> Contender:
    """Return the service with its default settings and keys; its files are in a folder of its own below `scratch`."""
    folder = Path(mkdtemp(dir=scratch))
    environment = {
        "SERVICE_OUTPUT_DIR": str(folder),
        "SERVICE_LOG_URL": f"sqlite:///{folder / 'predictions.db'}",
        "SERVICE_KEYS_FILE": str(folder / "keys.toml"),
    }
    return Contender(
        OURS,
        (sys.executable, "-m", "service", "--port", PORT),
        environment=environment,
        key=keys_file.add(folder / "keys.toml", "load", SCOPES, None),
        expected=pinned_model.score(),
    )


def without_keys(scratch: Path) -> Contender:
    """Return the service without keys."""
    with_keys = service(scratch)
    return replace(with_keys, name=OPEN, environment={**with_keys.environment, "SERVICE_KEYS_FILE": ""})


def unlogged(scratch: Path) -> Contender:
    """Return the service without its prediction log."""
    with_log = service(scratch)
    return replace(with_log, name=UNLOGGED, environment={**with_log.environment, "SERVICE_LOG_URL": ""})


def two_workers(scratch: Path) -> Contender:
    """Return the service with two workers."""
    one = service(scratch)
    return replace(one, name=TWO_WORKERS, command=(*one.command, "--workers", "2"), workers=2)


def empty() -> Contender:
    """Return the empty endpoint, the baseline of the ratios."""
    return Contender(EMPTY, (*_UVICORN, "benchmarks.servers.empty:app"))


def bare() -> Contender:
    """Return the bare server, the upper limit."""
    return Contender(BARE, (*_UVICORN, "--lifespan", "off", "benchmarks.servers.bare:app"))


def all_of_them(scratch: Path) -> list[Contender]:
    """Return all servers, in the order of a round; the file of the plain pipeline is written to `scratch`."""
    pipeline = scratch / "pipeline.joblib"
    plain.fit(pipeline)
    return [
        service(scratch),
        without_keys(scratch),
        unlogged(scratch),
        empty(),
        bare(),
        Contender(
            PLAIN,
            (*_UVICORN, "--factory", "benchmarks.servers.plain:create_app"),
            environment={plain.PIPELINE_VARIABLE: str(pipeline)},
        ),
    ]
