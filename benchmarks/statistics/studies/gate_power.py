"""How often the gate promotes a model that is truly better by so much, and one that is equal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.reporting import findings
from benchmarks.statistics.study import Fact, Study
from models.bundles.calibration import Calibration
from models.bundles.risk import Costs, RiskPolicy
from models.customer.contract import Labels, Vector
from training.data import synthetic
from training.learning import calibrators, cost_policy
from training.promotion import paired_comparison
from training.promotion.checks import metric_checks
from training.promotion.gate_result import Decision, GateResult
from training.promotion.paired_comparison import ScoredModel
from training.settings import PromoteSettings

GAPS = (0.0, 0.002, 0.005, 0.01, 0.02)
"""True differences in ROC-AUC."""
REPETITIONS = {1_000: 100, 4_000: 60, 16_000: 20}
"""Judged rows, and how often each difference is judged on so many; an equal model three times as often."""
DECISIONS: tuple[Decision, ...] = ("promoted", "refused", "cannot tell")
OWN, POPULATION = 0.2, 200_000
"""Standard deviation of the challenger's own error of the log-odds, and rows that the models are made on."""
COSTS = Path(__file__).parents[3] / "training" / "costs.toml"


@dataclass(frozen=True)
class Population:
    """Customers with their true log-odds, outcomes, and the standard normal errors of each model."""

    log_odds: Vector
    churned: Labels
    own: tuple[Vector, Vector]
    """Of the challenger and of the champion."""

    def score(self, side: int, error: float) -> Vector:
        """Return the log-odds of a model with its own error."""
        return self.log_odds + error * self.own[side]

    def roc_auc(self, side: int, error: float) -> float:
        """Return the ROC-AUC of such a model against the true probabilities, each row counted by its probability."""
        probability = _probability(self.log_odds)
        twice = np.concatenate([np.zeros(len(probability)), np.ones(len(probability))])
        weights = np.concatenate([1 - probability, probability])
        return float(roc_auc_score(twice, np.tile(self.score(side, error), 2), sample_weight=weights))


def make() -> Study:
    """Judge models of known quality on samples of each size."""
    return describe(list(judge(REPETITIONS, draw(POPULATION, seed=1))))


def judge(repetitions: Mapping[int, int], population: Population) -> Iterator[dict[str, Fact]]:
    """Judge each difference on samples of each size, and count the decisions."""
    costs = cost_policy.read(COSTS)
    for gap in GAPS:
        error = find_error(population, gap)
        models = [_Model.fit(population, side, one, costs) for side, one in enumerate((OWN, error))]
        for rows, times in repetitions.items():
            often = times * 3 if not gap else times
            found = [decide(models, rows, seed=seed) for seed in range(often)]
            yield {"gap": gap, "rows": rows, "repetitions": often, **{one: found.count(one) for one in DECISIONS}}


def find_error(population: Population, gap: float) -> float:
    """Return the champion's error for which the challenger is better by a gap, by bisection."""
    wanted, low, high = population.roc_auc(0, OWN) - gap, OWN, 2.0
    if not gap:
        return OWN
    for _ in range(14):
        middle = (low + high) / 2
        low, high = (middle, high) if population.roc_auc(1, middle) > wanted else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True)
class _Model:
    """A calibrated model with an error of the log-odds of its own."""

    error: float
    calibration: Calibration
    policy: RiskPolicy

    @classmethod
    def fit(cls, population: Population, side: int, error: float, costs: Costs) -> "_Model":
        """Calibrate the model, and choose its bounds, as a fit does."""
        scored = _probability(population.score(side, error))
        calibration = calibrators.make("sigmoid", scored, population.churned)
        return cls(error, calibration, cost_policy.choose(costs, calibration.apply(scored), population.churned))

    def scored(self, population: Population, side: int) -> ScoredModel:
        """Score customers."""
        return ScoredModel(self.calibration.apply(_probability(population.score(side, self.error))), self.policy)


def decide(models: list[_Model], rows: int, *, seed: int) -> Decision:
    """Draw new customers, and let the gate's checks of metrics decide on them."""
    sample = draw(rows, seed=1_000 + seed)
    challenger, champion = (model.scored(sample, side) for side, model in enumerate(models))
    gains = paired_comparison.compare(challenger, champion, sample.churned)
    checks = tuple(metric_checks.check(gains, rows, PromoteSettings()))
    return GateResult("challenger", "champion", rows, gains, checks).decision


@cache
def draw(rows: int, *, seed: int) -> Population:
    """Draw customers of the synthetic population; equal seeds give the same ones."""
    _, probability = synthetic.sample(rows, seed=seed)
    rng = np.random.default_rng([seed, rows])
    churned = (rng.random(rows) < probability).astype(np.int64)
    own = rng.normal(size=rows), rng.normal(size=rows)
    return Population(np.log(probability / (1 - probability)), churned, own)


def describe(found: list[dict[str, Fact]]) -> Study:
    """Return the study of the counts."""
    sizes = sorted({int(one["rows"] or 0) for one in found})
    rows = []
    for gap in GAPS:
        cells = [one for size in sizes for one in found if (one["gap"], one["rows"]) == (gap, size)]
        rows.append([f"{gap:.3f}" if gap else "equal", *map(_cell, cells)])
    wrong = sum(int(one["promoted"] or 0) for one in found if not one["gap"])
    times = sum(int(one["repetitions"] or 0) for one in found if not one["gap"])
    return Study(
        title="How often the gate promotes a better model",
        about=(
            f"Synthetic customers with known log-odds. The challenger's log-odds have a normal error of {OWN}, and the "
            "champion's an independent and larger one, so that the challenger's true ROC-AUC is higher by the first "
            "column. Both are calibrated, and have bounds from `training/costs.toml`. Each cell has the share of "
            "samples of so many judged rows on which the gate's checks of ROC-AUC, Brier score and cost promote the "
            "challenger, and the share on which they cannot tell. On all others they refuse it. The checks of groups, "
            "latency and reporters are left out."
        ),
        columns=("better by (ROC-AUC)", *(f"{size:,} rows" for size in sizes)),
        rows=rows,
        conclusion=f"An equal model is promoted in {findings.rate(wrong, times)} of all samples.",
        raw=found,
    )


def _cell(one: dict[str, Fact]) -> str:
    promoted, unclear, times = (int(one[name] or 0) for name in ("promoted", "cannot tell", "repetitions"))
    return f"{findings.rate(promoted, times)}; {unclear / times:.0%} cannot tell"


def _probability(log_odds: Vector) -> Vector:
    return np.asarray(1 / (1 + np.exp(-log_odds)))
