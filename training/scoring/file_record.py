"""Remembers of which file, and with which model, a result was made, so that another run need not make it again."""

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from models.batches import Model
from models.columns.column_mapping import ColumnMapping
from models.customer.errors import TableMissing
from models.customer.files import store_errors, store_files
from models.customer.files.store_files import Found
from models.customer.files.stores import Table
from training.scoring.folder_plan import FilePlan
from training.scoring.scoring_summary import ScoringSummary


class Origin(BaseModel):
    """What a result is made of: results of the same origin are equal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model_version: str
    settings_sha256: str
    """Digest of the columns file's content and of the contract."""
    input_bytes: int
    input_modified_ns: int
    input_changed_ns: int


class FileRecord(BaseModel):
    """The record of a file that is done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: Origin
    scored_bytes: int
    rows: int
    rejected: int
    reasons: dict[str, int]
    tiers: dict[str, int]
    unseen: dict[str, int] = {}

    def summary(self) -> ScoringSummary:
        """Return the counts."""
        summary = ScoringSummary(self.origin.model_version, self.rows, self.rejected)
        summary.reasons.update(self.reasons)
        summary.unseen.update(self.unseen)
        summary.tiers.update(self.tiers)  # type: ignore[arg-type]  # they were tiers when they were written
        return summary


def origin(source: Found, model: Model, declared: ColumnMapping) -> Origin:
    """Describe what the result of a file is made of."""
    settings = f"{declared.model_dump_json()} {model.encoding.fingerprint} {model.today.fingerprint}"
    return Origin(
        model_version=model.version,
        settings_sha256=hashlib.sha256(settings.encode()).hexdigest(),
        input_bytes=source.bytes,
        input_modified_ns=source.modified_ns,
        input_changed_ns=source.changed_ns,
    )


def find(plan: FilePlan, origin: Origin) -> FileRecord | None:
    """Return the record of a file whose results are of this origin, and are there; otherwise None."""
    content = _read(plan.record)
    try:
        record = FileRecord.model_validate_json(content) if content else None
    except ValidationError:
        return None
    if record is None or record.origin != origin or _size(plan.scored) != record.scored_bytes:
        return None
    return record if (_size(plan.rejected) is not None) == (record.rejected > 0) else None


def write(plan: FilePlan, origin: Origin, summary: ScoringSummary, *, scored_bytes: int) -> None:
    """Write the record, after the results; `scored_bytes` is the size of the scored rows that this run wrote."""
    record = FileRecord(
        origin=origin,
        scored_bytes=scored_bytes,
        rows=summary.rows,
        rejected=summary.rejected,
        reasons=dict(summary.reasons),
        tiers={str(tier): rows for tier, rows in summary.tiers.items()},
        unseen=dict(summary.unseen),
    )
    if isinstance(plan.record, Path):
        plan.record.parent.mkdir(parents=True, exist_ok=True)
    with store_files.written(plan.record) as path:
        path.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _read(path: Table) -> bytes | None:
    try:
        with store_errors.translated(path), store_files.opened(path) as file:
            return file.read()
    except (TableMissing, FileNotFoundError):
        return None


def _size(path: Table) -> int | None:
    try:
        return store_files.size(path) if path.exists() else None
    except FileNotFoundError:
        return None
