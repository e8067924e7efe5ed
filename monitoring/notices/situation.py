"""What is so now: the verdicts of the newest runs, whether the pinned bundle verifies, and the history of the pin."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from models.bundles import bundle, pin_history, pins
from models.bundles.pin_history import PinChange
from models.customer.contract import Contract
from models.errors import BundleError
from monitoring.errors import CANNOT_TELL
from monitoring.notices.errors import RunsUnreadable
from monitoring.notices.notice import Condition, Subject
from monitoring.runs.run_store import Job

SECOND_LOOK_SECONDS = 1.0
"""A checkout replaces files one after the other; a bundle that does not verify is checked again after this time."""
FOUND: Mapping[Job, Condition] = {"drift": "drift.found", "performance": "quality.fallen"}
"""Meaning of a job's exit code 1."""


@dataclass(frozen=True)
class Observation:
    """What is so about one subject."""

    subject: Subject
    condition: Condition | None
    """None if all is well."""
    summary: str
    model_version: str | None
    run: str | None = None
    report: str | None = None


@dataclass(frozen=True)
class Situation:
    """Everything that notices are made from."""

    observations: Sequence[Observation]
    changes: Mapping[str, PinChange] | None
    """All changes of the pin, oldest first, by a digest of each; None if the history cannot be read."""


def look(output_dir: Path, models_dir: Path, *, contract: Contract) -> Situation:
    """Look at the newest runs, the pinned bundle and the history of the pin.

    Raises:
        RunsUnreadable: a record cannot be read.
    """
    try:
        of_jobs = [found for job in get_args(Job) if (found := _of_job(output_dir, job))]
    except (OSError, ValueError, LookupError) as error:
        raise RunsUnreadable(path=output_dir / "reports", problem=f"{type(error).__name__}: {error}") from error
    return Situation([*of_jobs, _of_pin(models_dir, contract)], _changes(models_dir))


def _of_job(output_dir: Path, job: Job) -> Observation | None:
    for path in sorted((output_dir / "reports").glob(f"*Z-{job}.json"), reverse=True):
        record: dict[str, Any] = json.loads(path.read_text())
        if isinstance(record.get("live"), str):  # a file that somebody checked, not what clients sent
            continue
        code, summary = record["exit_code"], record.get("summary", "")
        condition: Condition | None = {0: None, CANNOT_TELL: "job.cannot_tell"}.get(code, FOUND[job])
        if code == CANNOT_TELL:
            summary = record.get("reason") or summary
        return Observation(job, condition, summary, record.get("model_version"), path.stem, record.get("report"))
    return None


def _of_pin(models_dir: Path, contract: Contract) -> Observation:
    try:
        return _verified(models_dir, contract)
    except BundleError:
        time.sleep(SECOND_LOOK_SECONDS)
    try:
        return _verified(models_dir, contract)
    except BundleError as error:
        with suppress(BundleError):
            return Observation("pin", "pin.refused", str(error), pins.read(models_dir).version)
        return Observation("pin", "pin.refused", str(error), None)


def _verified(models_dir: Path, contract: Contract) -> Observation:
    version = bundle.load(models_dir, contract=contract).manifest.version
    return Observation("pin", None, f"model {version} verifies", version)


def _changes(models_dir: Path) -> Mapping[str, PinChange] | None:
    history = pin_history.read(models_dir)
    if history.problems:  # what was left out would count as new when it can be read again
        return None
    return {hashlib.sha256(change.model_dump_json().encode()).hexdigest()[:16]: change for change in history.changes}
