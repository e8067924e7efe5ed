"""The story of a file of outcomes: read some rows, record what can be, set the others aside, and so on to its end.

To import a file again changes nothing, so one that stopped halfway is simply started again.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from models.log import opening, outcome_recording
from models.log.errors import OutcomesContradicted, OutcomesUnknown
from models.log.outcomes import Outcome
from models.progress import Progress
from monitoring.errors import NothingRecorded, OutcomesUnreadable
from monitoring.log import outcome_files
from monitoring.log.outcome_files import Reject, Row
from monitoring.settings import ImportSettings


@dataclass
class ImportSummary:
    """Rows by what became of them."""

    rows: int = 0
    new: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Rejected rows by reason."""

    @property
    def known(self) -> int:
        """Rows that say what was recorded before."""
        return self.rows - self.new - self.reasons.total()

    def describe(self, rejected: Path) -> str:
        """Tell it in plain words, one fact a line."""
        lines = [f"recorded {self.new:,} outcomes of {self.rows:,} rows; {self.known:,} were known before"]
        if self.reasons:
            lines.append(f"rejected {self.reasons.total():,}, with their reasons: {rejected}")
        lines.extend(f"  {reason}: {rows:,}" for reason, rows in self.reasons.most_common())
        return "\n".join(lines)


def run(settings: ImportSettings) -> str:
    """Record the outcomes of a file, and tell what came of it.

    Raises:
        TableError, OutcomesUnreadable, NothingRecorded: the file cannot be used, or none of its rows.
        RejectedUnwritable: rows that are rejected cannot be kept.
        LogUnsupported, LogMissing, LogUnreadable: there is no log, or it does not answer.
    """
    rejected = outcome_files.rejected_path(settings.file)
    with opening.engine(settings.log_url) as engine:
        tally = record(settings.file, engine)
    if not tally.new + tally.known:
        raise NothingRecorded(path=settings.file, rows=tally.rows, rejected=rejected)
    return tally.describe(rejected)


def record(path: Path, engine: Engine) -> ImportSummary:
    """Record each row of a file that can be, a chunk at a time; of a prediction's rows the first one counts.

    Raises:
        TableError, OutcomesUnreadable, RejectedUnwritable: the file cannot be read, or the one beside it not written.
        SQLAlchemyError: the database cannot be reached, or refuses.
    """
    tally = ImportSummary()
    with Progress(1) as progress, outcome_files.rejecting(path) as reject:
        progress.stage("importing outcomes")
        for rows, fraction in outcome_files.chunks(path):
            _record(rows, engine, tally, reject)
            progress.step(fraction)
        if not tally.rows:
            raise OutcomesUnreadable(path=path, problem="it has no rows")
    if not tally.reasons:
        outcome_files.rejected_path(path).unlink()
    return tally


def _record(rows: list[Row], engine: Engine, tally: ImportSummary, reject: Reject) -> None:
    read = [row.read() for row in rows]
    new, known = _find_truth(engine, (found for found in read if isinstance(found, Outcome)))
    tally.rows += len(rows)
    tally.new += new
    for row, found in zip(rows, read, strict=True):
        if reason := found if isinstance(found, str) else _refusal(found, known):
            tally.reasons[reason] += 1
            reject(row, reason)


def _find_truth(engine: Engine, outcomes: Iterable[Outcome]) -> tuple[int, dict[str, bool]]:
    """Record what can be; return how many are new, and whether each customer left whose prediction there is."""
    first: dict[str, Outcome] = {}
    for outcome in outcomes:
        first.setdefault(outcome.prediction_id, outcome)
    known: dict[str, bool] = {}
    while first:
        try:
            recorded = outcome_recording.record(engine, first.values())
        except OutcomesContradicted as error:
            known |= {identity: not first.pop(identity).churned for identity in error.ids}
        except OutcomesUnknown as error:
            for identity in error.ids:
                del first[identity]
        else:
            return sum(one.is_new for one in recorded), known | {one.prediction_id: one.churned for one in recorded}
    return 0, known


def _refusal(outcome: Outcome, known: dict[str, bool]) -> str | None:
    churned = known.get(outcome.prediction_id)
    if churned is None:
        return OutcomesUnknown.reason
    return None if outcome.churned == churned else OutcomesContradicted.reason
