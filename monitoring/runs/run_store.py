"""The JSON records of all runs in reports/, named by time and job."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from monitoring.errors import RunUnknown

Job = Literal["drift", "performance"]


def path(output_dir: Path, job: Job, started_at: datetime, ending: str = ".json") -> Path:
    """Return the path of a run's record, or with another ending of its page; the names of a job sort by time."""
    return output_dir / "reports" / f"{started_at:%Y%m%dT%H%M%S.%f}Z-{job}{ending}"


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


def find(output_dir: Path, run: str) -> Path:
    """Find a run's record by its name or by its id on the dashboard; "latest" is the last run of any job.

    Raises:
        RunUnknown: there is no such run.
    """
    records = sorted((output_dir / "reports").glob("*Z-*.json"), reverse=True)
    for record in records:
        if run in ("latest", record.name, record.stem) or json.loads(record.read_text()).get("run_id") == run:
            return record
    raise RunUnknown(run=run, folder=output_dir / "reports", newest=records[0].stem if records else None)


def add_review(record: Path, review: Mapping[str, Any]) -> dict[str, Any]:
    """Append a review to a record, and return the complete record.

    Raises:
        OSError: the record cannot be written.
    """
    facts: dict[str, Any] = json.loads(record.read_text())
    facts["reviews"] = [*facts.get("reviews", []), review]
    _put(facts, record)
    return facts


def remove_before(output_dir: Path, before: datetime) -> int:
    """Remove the page, record and dashboard entry of all runs that began before a time (UTC); return their number.

    Raises:
        OSError: the folders cannot be written to.
    """
    first_kept = f"{before:%Y%m%dT%H%M%S.%f}Z"
    old = [record for record in (output_dir / "reports").glob("*Z-*.json") if record.name < first_kept]
    for record in old:
        run_id = json.loads(record.read_text()).get("run_id")
        shown = workspace(output_dir).glob(f"*/snapshots/{run_id}.json")
        for file in (*shown, record.with_suffix(".html"), record):
            file.unlink(missing_ok=True)
    return len(old)


def newest(output_dir: Path, job: Job) -> dict[str, Any] | None:
    """Read the record of a job's last run; None if it never ran."""
    last = max((output_dir / "reports").glob(f"*Z-{job}.json"), default=None)
    return json.loads(last.read_text()) if last else None


def _put(facts: Mapping[str, Any], record: Path) -> Path:
    text = json.dumps(facts, indent=2, allow_nan=False) + "\n"
    record.parent.mkdir(parents=True, exist_ok=True)
    unfinished = record.with_suffix(".unfinished")
    unfinished.write_text(text)
    unfinished.replace(record)
    return record
