"""Scores a table of customers into one file, in chunks: read, map, check, score, write."""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from models.batches import Model, RowScorer
from models.bundles import bundle
from models.columns import column_mapping
from models.customer import checks, tables
from models.customer.contract import Contract
from models.customer.errors import TableMissing
from models.customer.files.chunk import CHUNK_ROWS
from models.customer.files.stores import Table
from models.customer.offending import OffendingValues
from models.features import CONTRACT
from models.progress import Progress
from training.errors import TooManyRejected
from training.scoring import scored_files
from training.scoring.errors import NothingScored
from training.scoring.scored_files import ScoredFiles
from training.scoring.scoring_summary import ScoringSummary
from training.settings import ScoreSettings


def score(settings: ScoreSettings, *, contract: Contract = CONTRACT, chunk_rows: int = CHUNK_ROWS) -> ScoringSummary:
    """Score every row that satisfies the contract, in the file's order; write the others to a file with their reasons.

    At most `chunk_rows` rows are in memory, for a file of any size.

    Raises:
        TableError, ColumnsError, DataError, ScoringError: the file cannot be scored, or the results cannot be written.
        BundleError: no model is pinned, or it failed verification.
    """
    if not settings.input.exists():
        raise TableMissing(path=settings.input)
    scored_files.require_free(settings.output, source=settings.input)
    declared = column_mapping.read(settings.columns, contract)
    schema = tables.schema(settings.input, declared.csv)
    model = Model.of(bundle.load(settings.models_dir, contract=contract))
    scorer, summary = RowScorer(model, declared, schema.names), ScoringSummary(model.version)
    rejected = scored_files.rejected_path(settings.output)
    with scored_files.writing(settings.output, rejected, schema) as written, Progress(1) as progress:
        progress.stage("scoring")
        for fraction in score_rows(settings.input, scorer, written, summary, chunk_rows=chunk_rows):
            progress.step(fraction)
        scorer.conversions.tell()
        if not summary.scored:
            raise NothingScored(path=settings.input, rows=summary.rows, reasons=summary.reasons, values=scorer.values)
        require_few_rejected(summary, scorer.values, limit=settings.max_rejected_fraction)
    return summary


def score_rows(
    source: Table,
    scorer: RowScorer,
    written: ScoredFiles,
    summary: ScoringSummary,
    *,
    chunk_rows: int,
    told: Mapping[str, str | None] | None = None,
) -> Iterator[float]:
    """Score the rows of a table, a chunk at a time, and yield the share of each; `told` are columns with one value."""
    for chunk in tables.chunks(source, rows=chunk_rows, used=scorer.foreign, style=scorer.columns.csv):
        table = chunk.table
        for name, value in (told or {}).items():
            table = table.append_column(name, pa.repeat(pa.scalar(value, pa.string()), len(table)))
        scored = scorer.score(table, {tables.MISFIT: chunk.misfit} if chunk.misfit.any() else {})
        numbers = summary.rows + 1 + np.flatnonzero(scored.rejected)
        written.keep(chunk.table.filter(~scored.rejected), scored.predictions)
        written.reject(chunk.table.filter(scored.rejected), numbers.tolist(), scored.reasons)
        summary.count_unseen(scorer.encoding, scored.kept, checks.find_unseen(scorer.encoding, scored.kept))
        summary.count(scored.predictions["risk_tier"].to_pylist(), scored.broken, rejected=scored.rejected)
        yield chunk.fraction


def require_few_rejected(summary: ScoringSummary, values: OffendingValues, *, limit: float) -> None:
    """Check the share of rejected rows.

    Raises:
        TooManyRejected: it is above the limit.
    """
    if summary.rejected > limit * summary.rows:
        raise TooManyRejected(
            rejected=summary.rejected,
            rows=summary.rows,
            limit=limit,
            reasons=summary.reasons,
            values=values,
            otherwise=", or allow them with --max-rejected-fraction 1",
        )
