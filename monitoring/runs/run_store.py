"""The JSON records of all runs in reports/, named by time and job."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from models import file_lock

Job = Literal["drift", "performance"]
_STARTED_AT = "%Y%m%dT%H%M%S.%fZ"


def path(output_dir: Path, job: Job, started_at: datetime, ending: str = ".json") -> Path:
    """Return the path of a run's record, or with another ending of its page; the names of a job sort by time."""
    return output_dir / "reports" / f"{started_at:{_STARTED_AT}}-{job}{ending}"


def workspace(output_dir: Path) -> Path:
    """Return the folder of the dashboard's workspace."""
    return output_dir / "workspace"


def write(facts: Mapping[str, Any], output_dir: Path, job: Job, started_at: datetime) -> Path:
    """Write a run's record atomically, with its start and end times (UTC).

    Raises:
        OSError: the folder cannot be written to.
        ValueError: a number is infinite or NaN, which JSON does not allow.
    """
    times = {"started_at": started_at.isoformat(), "finished_at": datetime.now(UTC).isoformat()}
    return _put({**facts, **times}, path(output_dir, job, started_at))


def append(record: Path, name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Append an entry to a list of a record, such as its reviews, and return the complete record.

    Raises:
        OSError: the record is gone, or cannot be written.
        ValueError: it is not JSON.
    """
    with locked(record):
        return append_locked(record, name, entry)


@contextmanager
def locked(record: Path) -> Iterator[None]:
    """Hold the lock under which one process at a time appends, so that no entry replaces another.

    Raises:
        OSError: the folder is gone or cannot be written to, or another process held the lock all the time.
    """
    with file_lock.held(record.with_name(".append.lock")):
        yield


def append_locked(record: Path, name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Do as `append` for a caller that holds the lock."""
    facts: dict[str, Any] = json.loads(record.read_text())
    facts[name] = [*facts.get(name, []), entry]
    _put(facts, record)
    return facts


def replace(file: Path, text: str) -> None:
    """Replace a file by a rename, so that it always has its old or its new content.

    Raises:
        OSError: it cannot be written.
    """
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_before(output_dir: Path, before: datetime) -> int:
    """Remove the page, record and dashboard entry of all runs that began before a time (UTC); return their number.

    Raises:
        OSError: the folders cannot be written to.
    """
    first_kept = f"{before:{_STARTED_AT}}"
    old = [record for record in (output_dir / "reports").glob("*Z-*.json") if record.name < first_kept]
    for record in old:
        shown = workspace(output_dir).glob(f"*/snapshots/{_run_id(record)}.json")
        for file in (*shown, record.with_suffix(".html"), record):
            file.unlink(missing_ok=True)
    return len(old)


def newest(output_dir: Path, job: Job) -> dict[str, Any] | None:
    """Read the record of a job's last run; None if it never ran."""
    last = max((output_dir / "reports").glob(f"*Z-{job}.json"), default=None)
    return json.loads(last.read_text()) if last else None


def _run_id(record: Path) -> str | None:
    try:
        return str(json.loads(record.read_text(encoding="utf-8"))["run_id"])
    except (ValueError, LookupError, TypeError):  # a damaged record must not keep the others
        return None


def _put(facts: Mapping[str, Any], record: Path) -> Path:
    text = json.dumps(facts, indent=2, allow_nan=False) + "\n"
    record.parent.mkdir(parents=True, exist_ok=True)
    replace(record, text)
    return record
