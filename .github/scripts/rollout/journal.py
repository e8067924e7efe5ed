"""What the host remembers: every deployment that was tried, and that one is under way.

Both lie in the proxy's volume, so that everybody who reaches the host sees the same.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Literal

from rollout import compose, proxy
from rollout.errors import DockerFailed, Occupied

Action = Literal["deploy", "rollback"]
Result = Literal["deployed", "refused", "rolled back", "abandoned"]
HELD_BY_ANOTHER = 75
HOLD = f"flock --nonblock --conflict-exit-code {HELD_BY_ANOTHER} /state/lock sh -c 'echo held; exec cat'"


@dataclass(frozen=True, kw_only=True)
class Record:
    """One deployment, as it ended."""

    at: str
    """When it began, UTC."""
    by: str
    """Who deployed."""
    action: Action
    image: str
    model_version: str | None
    """What the image said of itself; None if it did not get so far."""
    result: Result
    """deployed; refused before clients were sent to it, or rolled back after; abandoned where deploy.py was killed."""
    reason: str
    """Why it ended so."""
    seconds: float
    """How long it took."""


def read() -> list[Record]:
    """Return all deployments, the oldest first."""
    lines = proxy.in_volume("touch history.jsonl; cat history.jsonl").splitlines()
    return [Record(**json.loads(line)) for line in lines]


def append(record: Record) -> None:
    """Keep one more."""
    proxy.in_volume("cat >> history.jsonl", given=json.dumps(asdict(record)) + "\n")


@contextmanager
def alone() -> Iterator[None]:
    """Keep other deployments of this host out, from whichever machine, until the block ends, or this program does.

    Raises:
        Occupied: one is under way.
        DockerFailed: nobody can tell.
    """
    command = ["docker", "compose", "--file", str(compose.FOLDER / "compose.yml"), "exec", "-T", "--user", "root"]
    with subprocess.Popen(
        [*command, "proxy", "sh", "-c", HOLD],
        env=compose.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us alone: we still have to go back
    ) as holder:
        if not holder.stdout or holder.stdout.readline() != b"held\n":
            if holder.wait() == HELD_BY_ANOTHER:
                raise Occupied
            raise DockerFailed(command=command, output="the lock of the host cannot be had")
        yield  # leaving closes its input, at which it ends
