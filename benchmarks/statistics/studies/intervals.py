"""Study: the coverage of the intervals of the metrics, and of their fall between two samples."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.reporting import findings
from benchmarks.statistics.study import Fact, Study
from models.bundles import quality
from models.bundles.quality import Figure
from models.bundles.risk import Costs, Offer, RiskPolicy
from models.customer.contract import Labels, Vector
from training.data import synthetic

REPETITIONS, ROWS, POPULATION_ROWS = 300, (1_000, 4_000), 400_000
FALLING = {"roc_auc": "ROC-AUC", "brier": "Brier score", "cost": "cost", "calibration_gap": "calibration gap"}
"""Metrics whose fall between two samples is judged as well."""
METRICS = FALLING | {
    "pr_auc": "PR-AUC",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "accuracy": "accuracy",
    "log_loss": "log loss",
}
COSTS = Costs(
    value_of_kept_customer=500,
    medium=Offer(contact_cost=15, success_rate=0.1),
    high=Offer(contact_cost=85, success_rate=0.3),
)
POLICY = RiskPolicy(threshold=0.3, medium_from=0.3, high_from=0.7, costs=COSTS)
ABOUT = """\
{repetitions} pairs of samples of the synthetic customers for each row: a test set, and live customers. The model's
log-odds are the true ones with noise (standard deviation 0.5), recalibrated. **covered** is the share of 95 % intervals
of `quality.measured` on the live customers that contain the figure of the population. **fall covered** is the share of
intervals of the difference to the test set that contain 0, as the performance job computes them from both
deviations."""


def make(repetitions: int = REPETITIONS) -> Study:
    """Draw the samples, and count."""
    truth = _truth()
    raw = [_repeat(rows, seed, truth) for rows in ROWS for seed in range(repetitions)]
    counted = [
        [
            METRICS[name],
            f"{rows:,}",
            _rate(name, some),
            _rate(f"{name}_fall", some) if name in FALLING else "",
        ]
        for rows in ROWS
        for some in [[one for one in raw if one["rows"] == rows]]
        for name in METRICS
    ]
    shares = [
        np.mean([bool(one[name]) for one in raw if one["rows"] == rows])
        for rows in ROWS
        for name in (*METRICS, *(f"{name}_fall" for name in FALLING))
    ]
    return Study(
        title="Intervals of the figures, and of their fall",
        about=ABOUT.format(repetitions=repetitions),
        columns=("figure", "rows", "covered", "fall covered"),
        rows=counted,
        conclusion=f"The intervals cover {min(shares):.1%} to {max(shares):.1%}, at nominal 95 %.",
        raw=raw,
    )


def _rate(name: str, some: Sequence[Mapping[str, Fact]]) -> str:
    return findings.rate(sum(bool(one[name]) for one in some), len(some))


def _draw(rows: int, seed: int) -> tuple[Vector, Labels, Vector]:
    """Draw the model's probabilities, the outcomes, and the true probabilities."""
    customers, true = synthetic.sample(rows, seed=seed)
    noise = np.random.default_rng(seed + 2**31).normal(0, 0.5, rows)
    # The slope and the intercept make the noisy log-odds calibrated, as fitted on the population.
    score = 0.93 * (np.log(true / (1 - true)) + noise) - 0.02
    return 1 / (1 + np.exp(-score)), customers["churned"].to_numpy(), true


def _truth() -> Mapping[str, float]:
    """Return the figures of the population; each customer counts as a churner with the true probability."""
    probability, _, true = _draw(POPULATION_ROWS, seed=10**6)
    groups = quality.group(probability, POLICY, most=POPULATION_ROWS)
    left = np.bincount(groups.of_row, weights=true, minlength=len(groups.rows))
    found = quality.measure(groups, groups.rows - left, left)
    return {name: float(found[name]) for name in METRICS}


def _repeat(rows: int, seed: int, truth: Mapping[str, float]) -> dict[str, Fact]:
    then, now = (quality.measured(*_draw(rows, 2 * seed + at)[:2], POLICY) for at in (0, 1))
    covered: dict[str, Fact] = {name: int(now[name].low <= truth[name] <= now[name].high) for name in METRICS}
    fell: dict[str, Fact] = {f"{name}_fall": int(_covers_nothing(then[name], now[name])) for name in FALLING}
    return {"rows": rows, "seed": seed, **covered, **fell}


def _covers_nothing(then: Figure, now: Figure) -> bool:
    return abs(then.value - now.value) <= 1.96 * math.hypot(then.deviation, now.deviation)
