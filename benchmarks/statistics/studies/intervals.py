"""Study: the coverage of the intervals of the metrics, and of their fall between two samples."""

import math
from collections.abc import Mapping

import numpy as np
from scipy import stats

from benchmarks.reporting import findings
from benchmarks.statistics.study import Fact, Study
from models.bundles import quality
from models.bundles.quality import Figure, Figures
from models.bundles.risk import Costs, Offer, RiskPolicy
from models.customer.contract import Labels, Vector
from training.data import synthetic

REPETITIONS, ROWS = 400, (1_000, 4_000)
POPULATIONS, POPULATION_ROWS = 10, 400_000
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
log-odds are the true ones with noise (standard deviation 0.5), recalibrated. **covered** is the share of the 95 %
intervals of `quality.measured` on all {samples:,} samples that contain the figure of the population, and **too high**
and **too low** are the shares of intervals above and below it. **fall covered** is the share of
intervals of the difference between the samples of a pair that contain 0, as the performance job computes them from both
deviations. The figures of the population are means over {populations} draws of {population_rows:,} customers: a
single draw was off by a seventh of the standard deviation that recall has in 4,000 rows."""


def make(repetitions: int = REPETITIONS) -> Study:
    """Draw the samples, and count."""
    truth = _truth()
    raw = [one for rows in ROWS for one in _count(rows, repetitions, truth)]
    shares = [float(one["covered"] or 0) / float(one["samples"] or 1) for one in raw]
    surely_less = [f"{one['figure']} at {one['rows']:,} rows" for one in raw if _covers_surely_less(one)]
    return Study(
        title="Intervals of the figures, and of their fall",
        about=ABOUT.format(
            repetitions=repetitions,
            samples=2 * repetitions,
            populations=POPULATIONS,
            population_rows=POPULATION_ROWS,
        ),
        columns=("figure", "rows", "covered", "too high", "too low", "fall covered"),
        rows=[_row(one) for one in raw],
        conclusion=(
            f"The intervals cover {min(shares):.1%} to {max(shares):.1%}, at nominal 95 %. Surely less than 95 %: "
            f"{', '.join(surely_less) or 'none'}."
        ),
        raw=raw,
    )


def _row(one: Mapping[str, Fact]) -> tuple[str, ...]:
    samples, pairs = int(one["samples"] or 0), int(one["samples"] or 0) // 2
    return (
        str(one["figure"]),
        f"{one['rows']:,}",
        findings.rate(int(one["covered"] or 0), samples),
        *(f"{int(one[side] or 0) / samples:.1%}" for side in ("too_high", "too_low")),
        "" if one["fall_covered"] is None else findings.rate(int(one["fall_covered"]), pairs),
    )


def _covers_surely_less(one: Mapping[str, Fact]) -> bool:
    """Return whether the 95 % interval of a coverage (Wilson) ends below 95 %."""
    samples, covered = int(one["samples"] or 0), int(one["covered"] or 0)
    return float(stats.binomtest(covered, samples).proportion_ci(method="wilson").high) < 0.95


def _count(rows: int, repetitions: int, truth: Mapping[str, float]) -> list[dict[str, Fact]]:
    """Return for each figure how many intervals cover the truth, and how many are above and below it."""
    pairs = [_pair(rows, seed) for seed in range(repetitions)]
    every = [one for pair in pairs for one in pair]
    return [
        {
            "figure": METRICS[name],
            "rows": rows,
            "samples": len(every),
            "covered": sum(one[name].low <= truth[name] <= one[name].high for one in every),
            "too_high": sum(truth[name] < one[name].low for one in every),
            "too_low": sum(one[name].high < truth[name] for one in every),
            "fall_covered": sum(_covers_nothing(*(one[name] for one in pair)) for pair in pairs)
            if name in FALLING
            else None,
        }
        for name in METRICS
    ]


def _draw(rows: int, seed: int) -> tuple[Vector, Labels, Vector]:
    """Draw the model's probabilities, the outcomes, and the true probabilities."""
    customers, true = synthetic.sample(rows, seed=seed)
    noise = np.random.default_rng(seed + 2**31).normal(0, 0.5, rows)
    # The slope and the intercept make the noisy log-odds calibrated, as fitted on the population.
    score = 0.93 * (np.log(true / (1 - true)) + noise) - 0.02
    return 1 / (1 + np.exp(-score)), customers["churned"].to_numpy(), true


def _truth() -> Mapping[str, float]:
    """Return the figures of the population; each customer counts as a churner with the true probability."""
    found = [_of_population(seed) for seed in range(10**6, 10**6 + POPULATIONS)]
    return {name: float(np.mean([one[name] for one in found])) for name in METRICS}


def _of_population(seed: int) -> Mapping[str, float]:
    probability, _, true = _draw(POPULATION_ROWS, seed=seed)
    groups = quality.group(probability, POLICY, most=POPULATION_ROWS)
    left = np.bincount(groups.of_row, weights=true, minlength=len(groups.rows))
    return {name: float(value) for name, value in quality.measure(groups, groups.rows - left, left).items()}


def _pair(rows: int, seed: int) -> tuple[Figures, Figures]:
    then, now = (quality.measured(*_draw(rows, 2 * seed + at)[:2], POLICY) for at in (0, 1))
    return then, now


def _covers_nothing(then: Figure, now: Figure) -> bool:
    return abs(then.value - now.value) <= 1.96 * math.hypot(then.deviation, now.deviation)
