"""The promotion gate: checks whether a challenger may replace the champion.

With 95 % confidence, the challenger must not be worse by more than a margin in ROC-AUC, Brier score or cost. It must
also be significantly better in one of them: a change without an improvement is not worth its risk. Where the rows tell
neither, the verdict is "cannot tell", and the champion stays, too. All of this relies on the outcomes of the rows, so
one reporter must not have given nearly all of them, unless it is trusted.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from models.bundles.bundle import Bundle
from models.bundles.format.provenance import LiveRows
from models.bundles.scorer import Scorer
from models.customer.contract import Contract, Matrix, Vector
from training.data.holdout import Holdout
from training.promotion import paired_comparison, reporter_check
from training.promotion.checks import group_checks, metric_checks
from training.promotion.gate_result import Check, GateResult
from training.promotion.paired_comparison import ScoredModel
from training.publishing.export import PARITY_LIMIT
from training.settings import PromoteSettings

_TIMED_ROWS = 2_000


@dataclass(frozen=True)
class Side:
    """A model that is compared."""

    scorer: Scorer
    contract: Contract
    """It encodes the customers for this model."""

    @classmethod
    def of(cls, found: Bundle) -> Self:
        """Open the model of a bundle."""
        return cls(Scorer.of(found), found.contract)

    def predict(self, rows: Holdout) -> tuple[Matrix, ScoredModel]:
        """Encode and score customers."""
        matrix = self.contract.to_matrix(rows.features)
        return matrix, ScoredModel(self.scorer.score(matrix), self.scorer.policy)


def check(
    challenger: Side,
    booster: Callable[[Matrix], Vector],
    champion: Side | None,
    rows: Holdout,
    *,
    live: LiveRows | None,
    contract: Contract,
    settings: PromoteSettings,
) -> GateResult:
    """Compare two models on rows that neither was trained on.

    `booster` computes the calibrated probabilities of the challenger's trees, `live` describes its live rows, and
    `contract` has the groups. Without a champion, the challenger must beat a logistic regression with the same decision
    policy.
    """
    matrix, ours = challenger.predict(rows)
    other, theirs = champion.predict(rows) if champion else (matrix, ScoredModel(rows.baseline, ours.policy))
    gains = paired_comparison.compare(ours, theirs, rows.churned, customers=rows.customers)
    checks = [
        _parity(ours.probability, booster(matrix)),
        *metric_checks.check(gains, len(matrix), settings),
        *group_checks.check(
            group_checks.compare(ours, theirs, rows, contract),
            floor=settings.min_slice_roc_auc,
            margin=settings.slice_margin,
        ),
        *reporter_check.check(live, max_share=settings.max_reporter_share),
    ]
    if champion:
        sides = (challenger.scorer, matrix), (champion.scorer, other)
        checks.append(_latency(*sides, settings.max_latency_ratio))
    named = champion.scorer.version if champion else "a logistic regression"
    return GateResult(challenger.scorer.version, named, len(matrix), gains, tuple(checks))


def _parity(graph: Vector, booster: Vector) -> Check:
    difference = float(np.abs(graph - booster).max())
    passed = difference <= PARITY_LIMIT
    reason = "" if passed else f"graph and trees differ by {difference:.1e}"
    return Check("graph matches trees", f"at most {PARITY_LIMIT:.0e}", passed, reason, challenger=f"{difference:.1e}")


def _latency(challenger: tuple[Scorer, Matrix], champion: tuple[Scorer, Matrix], limit: float) -> Check:
    """Compare the median time to score one row; the models take turns, so that other load affects both."""
    ours: list[int] = []
    theirs: list[int] = []
    for row in range(_TIMED_ROWS):
        for (scorer, matrix), times in ((challenger, ours), (champion, theirs)):
            one = matrix[row % len(matrix)][np.newaxis]
            started = time.perf_counter_ns()
            scorer.score(one)
            times.append(time.perf_counter_ns() - started)
    slow, fast = statistics.median(ours) / 1000, statistics.median(theirs) / 1000
    passed = slow <= limit * fast
    reason = "" if passed else f"scoring a customer takes {slow / fast:.1f} times as long"
    allowed = f"at most {limit:g} times"
    return Check("time per customer", allowed, passed, reason, f"{fast:.1f} µs", f"{slow:.1f} µs")
