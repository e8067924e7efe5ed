"""The history of deployments, in the proxy's volume on the host, so all machines that deploy to this host share it."""

import json
import logging
from dataclasses import asdict, dataclass
from typing import Literal

from rollout import proxy

logger = logging.getLogger(__name__)
Action = Literal["deploy", "rollback"]
Result = Literal["deployed", "refused", "rolled back", "abandoned"]


@dataclass(frozen=True, kw_only=True)
class Record:
    """A finished deployment."""

    at: str
    """Start time, UTC."""
    by: str
    """User who deployed."""
    action: Action
    image: str
    jobs_image: str | None = None
    """Image of the jobs that the monitor was moved to; None if none was given."""
    model_version: str | None
    """Model version that the image reported; None if it reported none."""
    result: Result
    """deployed; refused (before the switch of clients); rolled back (after it); abandoned (deploy.py was killed)."""
    reason: str
    """Reason of the result."""
    seconds: float
    """Duration."""


def read() -> list[Record]:
    """Return all deployments that can be read, the oldest first; a damaged line is left out with a warning."""
    lines = proxy.in_volume("touch history.jsonl; cat history.jsonl").split("\n")
    found = ((number, _parse(line)) for number, line in enumerate(lines, start=1) if line)
    records = []
    for number, record in found:
        if record is None:
            logger.warning("line %d of the history of deployments is damaged, and was left out", number)
        else:
            records.append(record)
    return records


def append(record: Record) -> None:
    """Append a record to the history; an unfinished line before it is ended first."""
    end = '[ -z "$(tail -c 1 history.jsonl 2>/dev/null)" ] || echo >> history.jsonl'
    proxy.in_volume(f"{end}; cat >> history.jsonl", given=json.dumps(asdict(record)) + "\n")


def _parse(line: str) -> Record | None:
    try:
        return Record(**json.loads(line))
    except (ValueError, TypeError):
        return None
