"""Study: bounds from the prices against bounds that are searched on the folds."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from sklearn.base import clone

from benchmarks.statistics.studies.intervals import COSTS
from benchmarks.statistics.study import Fact, Study
from models.bundles.calibration import Calibration
from models.bundles.risk import RiskPolicy
from models.customer.contract import Labels, Vector
from models.features import CONTRACT
from training.data import synthetic
from training.learning import calibrators, cost_policy, evaluation, model

SEEDS, ROWS, FOLDS, POPULATION_ROWS = 24, 4_000, 5, 50_000
MODELS = {
    "as fitted": Calibration(),
    "a little too extreme": Calibration(method="sigmoid", slope=1.2, intercept=0.1),
    "too extreme": Calibration(method="sigmoid", slope=1.6, intercept=0.5),
}
WAYS = ("prices", "search", "chosen")
ABOUT = """\
{seeds} fits of the usual model on {rows:,} synthetic customers each, with out-of-fold probabilities of {folds} folds.
The other models serve probabilities that are moved away from them (slope 1.2 and intercept 0.1; 1.6 and 0.5).
**prices** are the break-even bounds (0.3 and 0.7), **search** those with the lowest cost on the folds, and **chosen**
what `cost_policy.choose` takes. **cost** is the true cost of a customer of a population of {population:,}, relative to
the break-even bounds in the same fit; **scatter** is the standard deviation of the lower bound over the fits; **another
tier** is the share of the population whose tier differs between a fit and the next. Part of it comes from the fit."""


def make(seeds: int = SEEDS) -> Study:
    """Fit, and price each way."""
    customers, true = synthetic.sample(POPULATION_ROWS, seed=10**6)
    population = CONTRACT.to_matrix(customers)
    fits = [_fit(seed, population) for seed in range(seeds)]
    raw: list[dict[str, Fact]] = []
    rows: list[list[str]] = []
    for kind, change in MODELS.items():
        for way in WAYS:
            found = [_price(way, change, one, true) for one in fits]
            base = [_price("prices", change, one, true)[0] for one in fits]
            raw += [
                {
                    "model": kind,
                    "way": way,
                    "seed": seed,
                    "cost": round(cost, 4),
                    "medium": policy.medium_from,
                    "high": policy.high_from,
                }
                for seed, (cost, policy, _) in enumerate(found)
            ]
            rows.append(_row(kind, way, found, base))
    return Study(
        title="Bounds from the prices, or searched",
        about=ABOUT.format(seeds=seeds, rows=ROWS, folds=FOLDS, population=POPULATION_ROWS),
        columns=("model", "bounds", "cost, USD", "scatter", "another tier", "from the prices"),
        rows=rows,
        conclusion=_conclude(raw),
        raw=raw,
    )


Fitted = tuple[Vector, Labels, Vector]
"""Calibrated out-of-fold probabilities and outcomes, and the probabilities of the population."""
Priced = tuple[float, RiskPolicy, Labels]


def _fit(seed: int, population: np.ndarray) -> Fitted:
    customers, _ = synthetic.sample(ROWS, seed=seed)
    matrix, churned = CONTRACT.to_matrix(customers), customers["churned"].to_numpy()
    served = model.served(parameters=dict(model.PARAMETERS), constraints=None, seed=seed, threads=1)
    fold = np.arange(ROWS) % FOLDS
    out_of_fold = np.empty(ROWS)
    for number in range(FOLDS):
        inside = fold == number
        fitted = clone(served).fit(matrix[~inside], churned[~inside])
        out_of_fold[inside] = evaluation.predict(fitted, matrix[inside])
    calibration, _ = calibrators.choose(out_of_fold, churned, fold)
    whole = evaluation.predict(clone(served).fit(matrix, churned), population)
    return calibration.apply(out_of_fold), churned, calibration.apply(whole)


def _price(way: str, change: Calibration, fitted: Fitted, true: Vector) -> Priced:
    """Return the true cost of a customer, the policy, and the tier of each customer."""
    probability, churned, whole = fitted
    served = change.apply(probability)
    medium, high = COSTS.break_even
    policy = {
        "prices": lambda: RiskPolicy(threshold=medium, medium_from=medium, high_from=high, costs=COSTS),
        "search": lambda: cost_policy.search(COSTS, served, churned),
        "chosen": lambda: cost_policy.choose(COSTS, served, churned),
    }[way]()
    tiers = np.searchsorted([policy.medium_from, policy.high_from], change.apply(whole), side="right").astype(np.int64)
    of_tier = np.array([policy.cost(bound) for bound in (0.0, policy.medium_from, policy.high_from)])[tiers]
    return float(((1 - true) * of_tier[:, 0] + true * of_tier[:, 1]).mean()), policy, tiers


def _row(kind: str, way: str, found: Sequence[Priced], base: Sequence[float]) -> list[str]:
    more = np.array([cost for cost, _, _ in found]) - base
    moved = [np.mean(one[2] != other[2]) for one, other in pairwise(found)]
    scatter = np.std([policy.medium_from for _, policy, _ in found], ddof=1)
    reach = 1.96 * more.std(ddof=1) / np.sqrt(len(more))
    break_even = sum((policy.medium_from, policy.high_from) == (0.3, 0.7) for _, policy, _ in found)
    shown = f"{more.mean():+.3f} ({more.mean() - reach:+.3f} to {more.mean() + reach:+.3f})"
    return [kind, way, shown, f"{scatter:.3f}", f"{np.mean(moved):.1%}", f"{break_even} of {len(found)}"]


def _conclude(raw: Sequence[Mapping[str, Fact]]) -> str:
    def cost(kind: str, way: str) -> float:
        return float(np.mean([float(one["cost"] or 0) for one in raw if (one["model"], one["way"]) == (kind, way)]))

    fitted, _, extreme = (cost(kind, "search") - cost(kind, "prices") for kind in MODELS)
    return (
        f"For the model as fitted, the search changes the cost by {fitted:+.3f} USD a customer. For the one that is "
        f"too extreme, it changes the cost by {extreme:+.3f} USD."
    )
