"""The promotion gate: checks whether a challenger may replace the champion.

With 95 % confidence, the challenger must not be worse by more than a margin in ROC-AUC, Brier score or cost. It must
also be significantly better in one of them: a change without an improvement is not worth its risk. All of this relies
on the outcomes of the rows, so one reporter must not have given nearly all of them, unless it is trusted.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from models.bundles.manifest import LiveRows
from models.bundles.scorer import Scorer
from models.customer.contract import Contract, Matrix, Vector
from training.data.holdout import Holdout
from training.promotion import group_checks, paired_comparison, reporter_check
from training.promotion.gate_result import Check, GateResult
from training.promotion.paired_comparison import TITLES, Gain, ScoredModel
from training.publishing.export import PARITY_LIMIT
from training.settings import PromoteSettings

_TIMED_ROWS = 2_000


def check(
    challenger: Scorer,
    booster: Callable[[Matrix], Vector],
    champion: tuple[Scorer, Contract] | None,
    rows: Holdout,
    *,
    live: LiveRows | None,
    contract: Contract,
    settings: PromoteSettings,
) -> GateResult:
    """Compare two models on rows that neither was trained on.

    `booster` computes the calibrated probabilities of the challenger's trees, `live` describes its live rows. Each
    model has the contract that encodes customers for it; `contract` is the challenger's. Without a champion, the
    challenger must beat a logistic regression with the same decision policy.
    """
    matrix = contract.to_matrix(rows.features)
    ours = ScoredModel(challenger.score(matrix), challenger.policy)
    theirs, served = ScoredModel(rows.baseline, ours.policy), None
    if champion:
        served = champion[0], champion[1].to_matrix(rows.features)
        theirs = ScoredModel(served[0].score(served[1]), served[0].policy)
    gains = paired_comparison.compare(ours, theirs, rows.churned)
    checks = [
        _parity(ours.probability, booster(matrix)),
        *_no_worse(gains, settings),
        _better(gains),
        *group_checks.check(
            group_checks.compare(ours, theirs, rows, contract),
            floor=settings.min_slice_roc_auc,
            margin=settings.slice_margin,
        ),
        *reporter_check.check(live, max_share=settings.max_reporter_share),
    ]
    if served:
        checks.append(_latency((challenger, matrix), served, settings.max_latency_ratio))
    named = served[0].version if served else "a logistic regression"
    return GateResult(challenger.version, named, len(matrix), gains, tuple(checks))


def _parity(graph: Vector, booster: Vector) -> Check:
    difference = float(np.abs(graph - booster).max())
    passed = difference <= PARITY_LIMIT
    reason = "" if passed else f"graph and trees differ by {difference:.1e}"
    return Check("graph matches trees", f"at most {PARITY_LIMIT:.0e}", passed, reason, challenger=f"{difference:.1e}")


def _no_worse(gains: Mapping[str, Gain], settings: PromoteSettings) -> Iterator[Check]:
    margins = {
        "roc_auc": settings.roc_auc_margin,
        "brier": settings.brier_margin,
        "cost": settings.cost_margin_fraction * gains["cost"].champion,
    }
    for metric, gain in gains.items():
        least, margin = gain.better_by.low, margins[metric]
        passed = least >= -margin
        digits = 2 if gain.champion > 1 else 4  # amounts of money need two
        yield Check(
            f"{TITLES[metric]} not worse",
            f"at least {-margin:z.3g}",
            passed,
            "" if passed else f"{TITLES[metric]} may be worse by {-least:.3g}, more than {margin:.3g}",
            champion=f"{gain.champion:.{digits}f}",
            challenger=f"{gain.challenger:.{digits}f}",
            better_by=paired_comparison.signed(gain.better_by, digits),
        )


def _better(gains: Mapping[str, Gain]) -> Check:
    better = [f"{TITLES[metric]} by {gain.corrected_low:.3g}" for metric, gain in gains.items() if gain.is_better]
    reason = "" if better else "it is significantly better in none of ROC-AUC, Brier score and cost"
    return Check("better in one", "significantly above 0", bool(better), reason, better_by=", ".join(better) or "none")


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
