"""The runs as their records tell them, and which of them need a decision."""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, cast

from models.errors import first_problem
from monitoring.errors import CANNOT_TELL, NothingToDecide, RunUnknown, RunUnreadable
from monitoring.runs import record_shape
from monitoring.runs.run_store import Job

logger = logging.getLogger(__name__)

LATEST = "latest"
NAME = r"[0-9]{8}T[0-9]{6}\.[0-9]{6}Z-(?:drift|performance)"
"""Pattern of a run's name."""
_CACHED = 2_048


@dataclass(frozen=True)
class RecordedRun:
    """A run and its record: any fact may be missing, and those that are there have the form of `record_shape`."""

    path: Path
    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of the record without its suffix."""
        return self.path.stem

    @property
    def job(self) -> Job:
        """The job that ran."""
        return cast(Job, self.name.rpartition("-")[2])

    @property
    def started_at(self) -> datetime:
        """When the run began."""
        return datetime.strptime(self.name.partition("Z-")[0], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)

    @property
    def verdict(self) -> str:
        """The verdict in a few words."""
        return str(self.facts.get("verdict") or "cannot tell")

    @property
    def summary(self) -> str:
        """The verdict and its main figures, in one line."""
        return str(self.facts.get("summary") or self.verdict)

    @property
    def headline(self) -> str:
        """The summary up to its first colon."""
        return self.summary.partition(":")[0]

    @property
    def details(self) -> str:
        """The rest of the summary; empty if there is none."""
        return self.summary.partition(":")[2].strip()

    @property
    def exit_code(self) -> int:
        """0 no drift or no quality drop, 1 drift or quality drop, 2 cannot tell."""
        return int(self.facts.get("exit_code", CANNOT_TELL))

    @property
    def reviews(self) -> Sequence[Mapping[str, str]]:
        """All decisions about this run, oldest first."""
        return list(self.facts.get("reviews", ()))

    @property
    def needs_decision(self) -> bool:
        """Whether the run found something, or could not tell, and nobody has decided about it."""
        return self.exit_code != 0 and not self.reviews


class RecordedRuns(NamedTuple):
    """All runs of a folder."""

    runs: list[RecordedRun]
    """Newest first."""
    damaged: list[Path]
    """The records that cannot be read, newest first."""


def read(path: Path) -> RecordedRun:
    """Read the record of a run; a record that has not changed is not read again.

    Raises:
        OSError, ValueError: it cannot be read, is no JSON object, or has a fact of another form.
    """
    found = path.stat()
    return RecordedRun(path, _facts(path, (found.st_ino, found.st_size, found.st_mtime_ns)))


def read_all(output_dir: Path) -> RecordedRuns:
    """Read the records of all runs. A damaged one hides no other."""
    found = RecordedRuns([], [])
    for path in paths(output_dir):
        try:
            found.runs.append(read(path))
        except FileNotFoundError:  # removed meanwhile, because of its age
            continue
        except (OSError, ValueError):
            found.damaged.append(path)
    return found


def offers(facts: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return what the offer of each tier did; nothing where no offer was reported."""
    found: Sequence[Mapping[str, Any]] = facts.get("offers") or ()
    arms = [one[arm] for one in found for arm in ("free", "held_out")]
    is_reported = any(arm["offers"] or arm.get("others") for arm in arms)
    return found if is_reported else ()


def paths(output_dir: Path) -> list[Path]:
    """Return the records of all runs, newest first."""
    found = (output_dir / "reports").glob("*Z-*.json")
    return sorted((path for path in found if is_name(path.stem)), reverse=True)


def is_name(name: str) -> bool:
    """Return whether a run may have this name."""
    try:
        return bool(re.fullmatch(NAME, name) and RecordedRun(Path(f"{name}.json"), {}).started_at)
    except ValueError:  # there is no such day or hour
        return False


def find(output_dir: Path, run: str) -> RecordedRun:
    """Find a run by the name of its record or by its id on the dashboard; "latest" is the newest that needs a decision.

    Raises:
        RunUnknown: there is no such run.
        RunUnreadable: its record cannot be read.
        NothingToDecide: no run needs a decision.
    """
    folder = output_dir / "reports"
    for path in paths(output_dir):
        if run in (path.name, path.stem):
            return _read_one(path)
    runs, damaged = read_all(output_dir)
    if damaged:
        logger.warning("%s: cannot be read: %s", folder, ", ".join(path.name for path in damaged))
    for one in runs:
        if one.needs_decision if run == LATEST else one.facts.get("run_id") == run:
            return one
    newest = runs[0].name if runs else None
    if run == LATEST and newest:
        raise NothingToDecide(folder=folder, newest=newest)
    raise RunUnknown(run=run, folder=folder, newest=newest)


def _read_one(path: Path) -> RecordedRun:
    try:
        return read(path)
    except (OSError, ValueError) as error:
        raise RunUnreadable(path=path, problem=first_problem(error)) from error


@lru_cache(_CACHED)
def _facts(path: Path, _: tuple[int, ...]) -> Mapping[str, Any]:
    content = path.read_bytes()
    record_shape.check(content, RecordedRun(path, {}).job)
    return cast(Mapping[str, Any], json.loads(content))
