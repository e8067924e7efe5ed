"""Imports a file of outcomes or treatments: records the valid rows, and writes the rejected ones to a file.

It works chunk by chunk. The import is idempotent: if it stops halfway, run it again.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.customer.files import store_files
from models.customer.files.stores import Table
from models.features import CONTRACT
from models.log import connections
from models.log.errors import OutcomesUnknown
from models.progress import Progress
from monitoring.errors import NothingRecorded, ReportsUnreadable
from monitoring.imports import report_files
from monitoring.imports.report_files import Reject, Row
from monitoring.imports.report_kinds import Kind, Recorded, Report
from monitoring.settings import ImportOutcomesSettings, ImportTreatmentsSettings

audit = logging.getLogger("audit")
_SAME_NAMES = ColumnMapping()


@dataclass
class ImportSummary:
    """Counts of recorded and rejected rows."""

    kind: Kind
    rows: int = 0
    new: int = 0
    remarked: int = 0
    """Recorded rows that the log has a line about."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Rejected rows by reason."""

    @property
    def known(self) -> int:
        """Rows whose report was already recorded."""
        return self.rows - self.new - self.reasons.total()

    def describe(self, rejected: Table) -> str:
        """Return the summary that is printed."""
        lines = [f"recorded {self.new:,} {self.kind.name} of {self.rows:,} rows; {self.known:,} were already recorded"]
        if self.remarked:
            lines.append(f"{self.remarked:,} of them {self.kind.remarked}; the log lines above name them")
        if self.reasons:
            lines.append(f"rejected {self.reasons.total():,} rows; the reasons are in {rejected}")
        lines.extend(f"  {reason}: {rows:,}" for reason, rows in self.reasons.most_common())
        return "\n".join(lines)


@dataclass(frozen=True)
class _Log:
    """Where reports are recorded, and the name of their reporter."""

    engine: Engine
    reported_by: str


def run(settings: ImportOutcomesSettings | ImportTreatmentsSettings, kind: Kind) -> str:
    """Record the reports of a file, and return the summary.

    Raises:
        ColumnsError: the columns file is invalid, or does not fit the file.
        ReportsUnreadable, NothingRecorded: the file, or every row of it, cannot be used.
        RejectedUnwritable: the rejected rows cannot be saved.
        LogUnsupported, LogMissing, LogUnreadable: there is no log, or its database does not answer.
    """
    rejected = report_files.rejected_path(settings.file)
    mapping = column_mapping.read(settings.columns, CONTRACT)
    with connections.engine(settings.log_url) as engine:
        summary = record(settings.file, kind, engine, reported_by=settings.reported_by, mapping=mapping)
    if not summary.new + summary.known:
        raise NothingRecorded(path=settings.file, rows=summary.rows, rejected=rejected)
    return summary.describe(rejected)


def record(
    path: Table, kind: Kind, engine: Engine, *, reported_by: str, mapping: ColumnMapping = _SAME_NAMES
) -> ImportSummary:
    """Record the valid rows of a file, a chunk at a time; if a prediction has several rows, the first one counts.

    Raises:
        ReportsUnreadable, RejectedUnwritable: the file cannot be read, or the rejected rows not saved.
        SQLAlchemyError: the database cannot be reached, or refuses the statement.
    """
    summary = ImportSummary(kind)
    with Progress(1) as progress, report_files.rejecting(path, kind) as reject:
        progress.stage(f"importing {kind.name}")
        for rows, fraction in report_files.chunks(path, kind, mapping=mapping):
            _record(rows, _Log(engine, reported_by), summary, reject)
            progress.step(fraction)
        if not summary.rows:
            raise ReportsUnreadable(path=path, problem="it has no rows")
    if not summary.reasons:
        store_files.remove(report_files.rejected_path(path))
    return summary


def _record(rows: list[Row], log: _Log, summary: ImportSummary, reject: Reject) -> None:
    kind = summary.kind
    read = [row.read(kind) for row in rows]
    recorded, unknown = _record_first(log, kind, (found for found in read if not isinstance(found, str)))
    known = {one.prediction_id: getattr(one, kind.said) for one in recorded}
    summary.rows += len(rows)
    summary.new += sum(one.is_new for one in recorded)
    for remark in filter(None, map(kind.remark, recorded)):
        summary.remarked += 1
        audit.warning("%s", remark)
    for row, found in zip(rows, read, strict=True):
        if reason := found if isinstance(found, str) else _refusal(found, kind, known, unknown):
            summary.reasons[reason] += 1
            reject(row, reason)


def _record_first(log: _Log, kind: Kind, reports: Iterable[Report]) -> tuple[list[Recorded], set[str]]:
    """Record the first report of each prediction, or the first of the others that agrees with what is known of it.

    Return them as stored, and the ids of unknown predictions.
    """
    different: dict[str, dict[Any, Report]] = defaultdict(dict)
    for report in reports:
        different[report.prediction_id].setdefault(getattr(report, kind.said), report)
    waiting = {identity: list(found.values()) for identity, found in different.items()}
    unknown: set[str] = set()
    while waiting:
        try:
            first = [found[0] for found in waiting.values()]
            return kind.record(log.engine, first, reported_by=log.reported_by), unknown
        except OutcomesUnknown as error:
            unknown.update(error.ids)
            waiting = {identity: found for identity, found in waiting.items() if identity not in unknown}
        except kind.contradicted as error:
            for identity in error.ids:
                del waiting[identity][0]
            waiting = {identity: found for identity, found in waiting.items() if found}
    return [], unknown


def _refusal(report: Report, kind: Kind, known: dict[str, Any], unknown: set[str]) -> str | None:
    if report.prediction_id in unknown:
        return OutcomesUnknown.reason
    agrees = known.get(report.prediction_id) == getattr(report, kind.said)
    return None if agrees else kind.contradicted.reason
