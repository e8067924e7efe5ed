"""Imports a file of outcomes: records the valid rows, and writes the rejected ones to a file, chunk by chunk.

The import is idempotent: if it stops halfway, run it again.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Engine

from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.customer.files import store_files
from models.customer.files.stores import Table
from models.features import CONTRACT
from models.log import connections, outcome_recording
from models.log.errors import OutcomesContradicted, OutcomesUnknown
from models.log.outcome_recording import Recorded
from models.log.outcomes import Outcome
from models.progress import Progress
from monitoring.errors import NothingRecorded, OutcomesUnreadable
from monitoring.log import outcome_files
from monitoring.log.outcome_files import Reject, Row
from monitoring.settings import ImportSettings

audit = logging.getLogger("audit")
_SAME_NAMES = ColumnMapping()


@dataclass
class ImportSummary:
    """Counts of recorded and rejected rows."""

    rows: int = 0
    new: int = 0
    contradictions: int = 0
    """Recorded rows that contradict another reporter."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Rejected rows by reason."""

    @property
    def known(self) -> int:
        """Rows whose outcome was already recorded."""
        return self.rows - self.new - self.reasons.total()

    def describe(self, rejected: Table) -> str:
        """Return the summary that is printed."""
        lines = [f"recorded {self.new:,} outcomes of {self.rows:,} rows; {self.known:,} were already recorded"]
        if self.contradictions:
            lines.append(f"{self.contradictions:,} of them contradict another reporter; the log lines above name them")
        if self.reasons:
            lines.append(f"rejected {self.reasons.total():,} rows; the reasons are in {rejected}")
        lines.extend(f"  {reason}: {rows:,}" for reason, rows in self.reasons.most_common())
        return "\n".join(lines)


@dataclass(frozen=True)
class _Log:
    """Where outcomes are recorded, and the name of their reporter."""

    engine: Engine
    reported_by: str


def run(settings: ImportSettings) -> str:
    """Record the outcomes of a file, and return the summary.

    Raises:
        ColumnsError: the columns file is invalid, or does not fit the file.
        OutcomesUnreadable, NothingRecorded: the file, or every row of it, cannot be used.
        RejectedUnwritable: the rejected rows cannot be saved.
        LogUnsupported, LogMissing, LogUnreadable: there is no log, or its database does not answer.
    """
    rejected = outcome_files.rejected_path(settings.file)
    mapping = column_mapping.read(settings.columns, CONTRACT)
    with connections.engine(settings.log_url) as engine:
        summary = record(settings.file, engine, reported_by=settings.reported_by, mapping=mapping)
    if not summary.new + summary.known:
        raise NothingRecorded(path=settings.file, rows=summary.rows, rejected=rejected)
    return summary.describe(rejected)


def record(path: Table, engine: Engine, *, reported_by: str, mapping: ColumnMapping = _SAME_NAMES) -> ImportSummary:
    """Record the valid rows of a file, a chunk at a time; if a prediction has several rows, the first one counts.

    Raises:
        OutcomesUnreadable, RejectedUnwritable: the file cannot be read, or the rejected rows not saved.
        SQLAlchemyError: the database cannot be reached, or refuses the statement.
    """
    summary = ImportSummary()
    with Progress(1) as progress, outcome_files.rejecting(path) as reject:
        progress.stage("importing outcomes")
        for rows, fraction in outcome_files.chunks(path, mapping=mapping):
            _record(rows, _Log(engine, reported_by), summary, reject)
            progress.step(fraction)
        if not summary.rows:
            raise OutcomesUnreadable(path=path, problem="it has no rows")
    if not summary.reasons:
        store_files.remove(outcome_files.rejected_path(path))
    return summary


def _record(rows: list[Row], log: _Log, summary: ImportSummary, reject: Reject) -> None:
    read = [row.read() for row in rows]
    recorded, known = _find_truth(log, (found for found in read if isinstance(found, Outcome)))
    summary.rows += len(rows)
    summary.new += sum(one.is_new for one in recorded)
    for one in recorded:
        if one.contradicts:
            summary.contradictions += 1
            said = "churned" if one.churned else "stayed"
            others = ", ".join(one.contradicts)
            audit.warning("%s: %s reports %s, against %s", one.prediction_id, one.reported_by, said, others)
    for row, found in zip(rows, read, strict=True):
        if reason := found if isinstance(found, str) else _refusal(found, known):
            summary.reasons[reason] += 1
            reject(row, reason)


def _find_truth(log: _Log, outcomes: Iterable[Outcome]) -> tuple[list[Recorded], dict[str, bool]]:
    """Record the valid outcomes; return them as stored, and the reporter's `churned` of each known prediction."""
    first: dict[str, Outcome] = {}
    for outcome in outcomes:
        first.setdefault(outcome.prediction_id, outcome)
    known: dict[str, bool] = {}
    while first:
        try:
            recorded = outcome_recording.record(log.engine, first.values(), reported_by=log.reported_by)
        except OutcomesContradicted as error:
            known |= {identity: not first.pop(identity).churned for identity in error.ids}
        except OutcomesUnknown as error:
            for identity in error.ids:
                del first[identity]
        else:
            return recorded, known | {one.prediction_id: one.churned for one in recorded}
    return [], known


def _refusal(outcome: Outcome, known: dict[str, bool]) -> str | None:
    churned = known.get(outcome.prediction_id)
    if churned is None:
        return OutcomesUnknown.reason
    return None if outcome.churned == churned else OutcomesContradicted.reason
