"""Scores a file of customers in chunks: read, map, check, score, write."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from models.bundles import bundle
from models.bundles.scorer import Scorer
from models.columns import column_mapping
from models.columns.conversions import Conversions
from models.customer import checks, tables
from models.customer.contract import Contract, Mask, Matrix
from models.customer.files.chunk import CHUNK_ROWS
from models.customer.offending import OffendingValues
from models.features import CONTRACT
from models.progress import Progress
from training.errors import NothingScored, TooManyRejected
from training.scoring import scored_files
from training.scoring.scoring_summary import ScoringSummary
from training.settings import ScoreSettings

PREDICTION = pa.schema(
    [
        ("churn_probability", pa.float64()),
        ("churn_prediction", pa.bool_()),
        ("risk_tier", pa.string()),
        ("model_version", pa.string()),
    ]
)
"""The columns that are added to a scored row."""


def score(settings: ScoreSettings, *, contract: Contract = CONTRACT, chunk_rows: int = CHUNK_ROWS) -> ScoringSummary:
    """Score every row that satisfies the contract, in the file's order; write the others to a file with their reasons.

    At most `chunk_rows` rows are in memory, for a file of any size.

    Raises:
        TableError, ColumnsError, DataError, ScoringError: the file cannot be scored, or the results cannot be written.
        BundleError: no model is pinned, or it failed verification.
    """
    scored_files.require_free(settings.output, source=settings.input)
    declared = column_mapping.read(settings.columns, contract)
    schema = tables.schema(settings.input, declared.csv)
    columns = declared.fitted(contract, schema.names)
    foreign, conversions = columns.foreign_columns(contract), Conversions()
    column_mapping.require(foreign, schema.names, remedy=columns.remedy)
    model = bundle.load(settings.models_dir, contract=contract)
    scorer, contract = Scorer.of(model), model.today
    summary, values = ScoringSummary(scorer.version), OffendingValues()
    with scored_files.writing(settings.output, schema, PREDICTION) as written, Progress(1) as progress:
        progress.stage("scoring")
        for chunk in tables.chunks(settings.input, rows=chunk_rows, used=foreign, style=columns.csv):
            rows = column_mapping.features(columns, chunk.table.select(foreign).to_pandas(), contract, conversions)
            broken = {tables.MISFIT: chunk.misfit} if chunk.misfit.any() else {}
            broken |= checks.find_violations(contract, rows)
            values.count(contract, rows, broken)
            rejected: Mask = np.logical_or.reduce([np.zeros(len(rows), dtype=np.bool_), *broken.values()])
            kept = rows[~rejected]
            predictions = _predict(scorer, model.contract.to_matrix(kept))
            summary.count_unseen(model.contract, kept, checks.find_unseen(model.contract, kept))
            written.keep(chunk.table.filter(~rejected), predictions)
            written.reject(chunk.table.filter(rejected), _refuse(broken, rejected, first_row=summary.rows + 1))
            summary.count(predictions["risk_tier"].to_pylist(), broken, rejected=rejected)
            progress.step(chunk.fraction)
        conversions.tell()
        _require_scored(settings, summary, values)
    return summary


def _require_scored(settings: ScoreSettings, summary: ScoringSummary, values: OffendingValues) -> None:
    if not summary.scored:
        raise NothingScored(path=settings.input, rows=summary.rows, reasons=summary.reasons, values=values)
    if summary.rejected > settings.max_rejected_fraction * summary.rows:
        raise TooManyRejected(
            rejected=summary.rejected,
            rows=summary.rows,
            limit=settings.max_rejected_fraction,
            reasons=summary.reasons,
            values=values,
            otherwise=", or allow them with --max-rejected-fraction 1",
        )


def _predict(scorer: Scorer, matrix: Matrix) -> pa.Table:
    probability = scorer.score(matrix).tolist()
    decisions = [scorer.policy.churns(value) for value in probability]
    tiers = [scorer.policy.tier(value) for value in probability]
    return pa.table([probability, decisions, tiers, pa.repeat(scorer.version, len(tiers))], schema=PREDICTION)


def _refuse(broken: Mapping[str, Mask], rejected: Mask, *, first_row: int) -> pa.Table:
    positions = np.flatnonzero(rejected)
    reasons = ["; ".join(reason for reason, mask in broken.items() if mask[at]) for at in positions]
    return pa.table([first_row + positions, reasons], schema=scored_files.REFUSAL)
