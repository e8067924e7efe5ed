"""Study: the comparisons and warnings of `fit`, its card and `promote` that no other study counts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from benchmarks.reporting import findings
from benchmarks.statistics import table_shapes
from benchmarks.statistics.studies.intervals import COSTS, POLICY
from benchmarks.statistics.study import Fact, Study
from models.bundles import quality, segments
from models.bundles.manifest import MetricSpread
from models.customer.contract import Labels, Vector
from models.features import CONTRACT
from training.data import synthetic
from training.data.holdout import Holdout
from training.learning import cost_policy, evaluation, fold_comparison, model
from training.learning.evaluation import OutOfFold
from training.promotion import paired_comparison
from training.promotion.checks import group_checks, unseen_rows
from training.promotion.paired_comparison import METRICS, TITLES, ScoredModel

ROWS, REPETITIONS, POPULATION_ROWS = (1_000, 4_000), 150, 200_000
BETTER, WORSE = 0.3, 0.6
"""Standard deviation of the error of the log-odds of two models."""
RIVALS, FIT_REPETITIONS = 4, 600
FOLD_ROWS, FOLD_REPETITIONS, TRUTHS, FRESH_ROWS = (1_000, 3_000), 100, 20, 40_000
_SMALL = model.served(parameters=dict(model.PARAMETERS) | {"n_estimators": 40}, constraints=None, seed=7, threads=1)
FLOOR, GROUP_ROWS, GROUP_REPETITIONS = 0.5, (200, 1_000), 300
SAMPLES = 2_000
KINDS = {"interval": "holds the truth", "alarm": "false alarms", "power": "found"}
ABOUT = (
    "The models say the true log-odds of synthetic customers with errors of standard deviation {better} and {worse}. "
    "**holds the truth** is the share of 95 % intervals with the figure of a population of {population:,}; groups of "
    "one sample are counted together, so the interval of their share is a little narrow. **false alarms** is how often "
    "something is said that is not so, and **found** how often it is said where it is. A *group* is surely below the "
    "floor of {floor} by its whole 95 % interval; its true ROC-AUC is named. *Unlike the test set*: the gate refuses a "
    "part of 4,000 test rows whose share of churners chance does not explain. Rows are drawn fairly, or churners with "
    "0.8 or 0.5 of the chance of others. *Surely ahead*: `fit` says of any of {rivals} other algorithms that its "
    "ROC-AUC on the same five folds is higher beyond chance. All are equal, or one is better by {gap:.4f}, and counts. "
    "*Mean over five folds*: the usual model with 40 trees; the truth is the mean of such fits on 40,000 customers."
)


@dataclass(frozen=True)
class Customers:
    """Customers of a test set, and what both models say of them."""

    features: pd.DataFrame
    churned: Labels
    truth: Vector
    better: Vector
    worse: Vector
    equal: Sequence[Vector]
    """Of other models that are as good as the worse one, as many as `fit` compares."""

    @classmethod
    def draw(cls, rows: int, seed: int) -> "Customers":
        """Draw synthetic customers."""
        table, truth = synthetic.sample(rows, seed=seed)
        rng, score = np.random.default_rng([seed, rows]), np.log(truth / (1 - truth))
        better, worse, *equal = (
            1 / (1 + np.exp(-(score + rng.normal(0, error, rows)))) for error in (BETTER, WORSE, *[WORSE] * RIVALS)
        )
        return cls(table, table["churned"].to_numpy(), truth, better, worse, equal)


def make(repetitions: int = REPETITIONS, population_rows: int = POPULATION_ROWS) -> Study:
    """Count each on new samples."""
    population = Customers.draw(population_rows, 10**6)
    raw = [
        *_intervals(population, repetitions),
        *_of_folds(FOLD_REPETITIONS * repetitions // REPETITIONS or 1),
        *_groups(GROUP_REPETITIONS * repetitions // REPETITIONS),
        *_samples(SAMPLES * repetitions // REPETITIONS),
        *_ahead(FIT_REPETITIONS * repetitions // REPETITIONS),
    ]
    gap = truths(population)["gate: difference in ROC-AUC"]
    about = ABOUT.format(better=BETTER, worse=WORSE, population=population_rows, floor=FLOOR, rivals=RIVALS, gap=gap)
    return Study(
        title="Comparisons and warnings of a fit, its card and the gate",
        about=about,
        columns=("what", "case", "kind", "share"),
        rows=[[str(one["what"]), str(one["case"]), KINDS[str(one["kind"])], _share(one)] for one in raw],
        conclusion=_conclude(raw),
        raw=raw,
    )


def truths(population: Customers) -> dict[str, float]:
    """Return the true differences of both models, the savings, and the ROC-AUC and gap of each group."""
    everybody = np.ones(len(population.truth), dtype=np.bool_)
    ours, theirs = (_metrics(population, one, everybody) for one in (population.better, population.worse))
    found = {
        f"gate: difference in {TITLES[name]}": sign * (ours[name] - theirs[name]) for name, sign in METRICS.items()
    }
    found["card: saved against another model"] = theirs["cost"] - ours["cost"]
    nobody = float((population.truth * POLICY.cost(0.0)[1] + (1 - population.truth) * POLICY.cost(0.0)[0]).mean())
    found["card: saved against contacting nobody"] = nobody - ours["cost"]
    for name, inside in _split(population.features):
        measured = _metrics(population, population.better, inside)
        found |= {f"{name} {metric}": measured[metric] for metric in ("roc_auc", "calibration_gap")}
    return found


def _metrics(customers: Customers, probability: Vector, inside: np.ndarray) -> dict[str, float]:
    groups = quality.group(probability[inside], POLICY, most=int(inside.sum()))
    left = np.bincount(groups.of_row, weights=customers.truth[inside], minlength=len(groups.rows))
    return {name: float(value) for name, value in quality.measure(groups, groups.rows - left, left).items()}


def _split(table: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the groups of the card: by each feature, numbers at fixed bounds."""
    for feature in CONTRACT.features:
        values = feature.encode(table[feature.name])
        for name, inside in segments.split(feature, values, _REFERENCE[feature.name]):
            yield f"{feature.name} {name}", inside


_LEARNED, _ = synthetic.sample(5_000, seed=3)
_REFERENCE: Mapping[str, Vector] = {one.name: one.encode(_LEARNED[one.name]) for one in CONTRACT.features}


def _intervals(population: Customers, repetitions: int) -> Iterator[dict[str, Fact]]:
    right = truths(population)
    for rows in ROWS:
        counts: dict[str, list[bool]] = {}
        for seed in range(repetitions):
            for what, held in _held(Customers.draw(rows, seed), right):
                counts.setdefault(what, []).append(held)
        for what, held_ones in counts.items():
            yield _counted("interval", what, f"{rows:,} rows", held_ones)


def _held(sample: Customers, right: Mapping[str, float]) -> Iterator[tuple[str, bool]]:
    ours, theirs = (ScoredModel(one, POLICY) for one in (sample.better, sample.worse))
    for name, gain in paired_comparison.compare(ours, theirs, sample.churned).items():
        what = f"gate: difference in {TITLES[name]}"
        yield what, gain.better_by.low <= right[what] <= gain.better_by.high
    deciders = {"ours": (sample.better, POLICY), "another model": (sample.worse, POLICY)}
    rows = (sample.better, sample.churned)
    summary = cost_policy.describe(COSTS, *rows, test=(sample.churned, deciders), seed=0)
    for title, name in (("another model", "another model"), ("contacting nobody", cost_policy.NOBODY)):
        what, found = f"card: saved against {title}", summary.saved[name]
        yield what, found.low <= right[what] <= found.high
    for name, inside in _split(sample.features):
        if quality.shortage(sample.churned[inside], min_rows=group_checks.MIN_ROWS) is None:
            figures = quality.measured(sample.better[inside], sample.churned[inside], POLICY)
            for metric, title in (("roc_auc", "ROC-AUC of a group"), ("calibration_gap", "calibration gap of a group")):
                truth = right[f"{name} {metric}"]
                yield f"card: {title}", figures[metric].low <= truth <= figures[metric].high


def _of_folds(repetitions: int) -> Iterator[dict[str, Fact]]:
    """Yield how often the interval of the mean over five folds has the mean ROC-AUC of such fits on the population."""
    population = table_shapes.customers(FRESH_ROWS, 10**6)
    for rows in FOLD_ROWS:
        means, truths = list[MetricSpread](), list[float]()
        for seed in range(repetitions):
            matrix, churned = table_shapes.customers(rows, seed)
            measured = []
            for inside, held_out in StratifiedKFold(5, shuffle=True, random_state=7).split(matrix, churned):
                fitted = clone(_SMALL).fit(matrix[inside], churned[inside])
                measured.append(evaluation.measure(evaluation.predict(fitted, matrix[held_out]), churned[held_out]))
                if seed < TRUTHS:
                    truths.append(float(roc_auc_score(population[1], evaluation.predict(fitted, population[0]))))
            means.append(evaluation.summarise(measured)["roc_auc"])
        truth = float(np.mean(truths))
        held = [one.low <= truth <= one.high for one in means]
        yield _counted("interval", "fit: mean ROC-AUC over five folds", f"{rows:,} rows", held)


def _groups(repetitions: int) -> Iterator[dict[str, Fact]]:
    """Yield how often a group is refused, whose ROC-AUC is at the floor, or 0.08 above or below it."""
    for rows in GROUP_ROWS:
        for truth, kind in ((FLOOR, "alarm"), (FLOOR + 0.08, "alarm"), (FLOOR - 0.08, "power")):
            said = [_is_below(rows, truth, np.random.default_rng([rows, seed])) for seed in range(repetitions)]
            yield _counted(kind, "gate: group surely below the floor", f"{rows:,} rows, truth {truth:.2f}", said)


def _is_below(rows: int, truth: float, rng: np.random.Generator) -> bool:
    churned = (rng.random(rows) < 0.25).astype(np.int64)
    apart = np.sqrt(2) * NormalDist().inv_cdf(truth)
    probability = 1 / (1 + np.exp(1 - (rng.normal(size=rows) + apart * churned)))
    one = ScoredModel(np.asarray(probability), POLICY)
    gain = paired_comparison.compare(one, one, churned, resamples=300)["roc_auc"]
    good, _ = group_checks.check({"group": gain}, floor=FLOOR, margin=1.0)
    return not good.passed


def _samples(repetitions: int) -> Iterator[dict[str, Fact]]:
    """Yield how often a part of the test rows is called unlike them, by the chance of a churner to be in it."""
    every = _holdout((np.random.default_rng(0).random(4_000) < 0.25).astype(np.int64))
    for rows in (500, 2_000):
        for chance, kind in ((1.0, "alarm"), (0.8, "power"), (0.5, "power")):
            said = []
            for seed in range(repetitions):
                rng = np.random.default_rng([rows, seed])
                weights = np.where(every.churned == 1, chance, 1.0)
                taken = rng.choice(len(every.churned), rows, replace=False, p=weights / weights.sum())
                said.append(unseen_rows.is_surely_unlike(_holdout(every.churned[taken]), every))
            case = f"{rows:,} rows, drawn fairly" if chance == 1 else f"{rows:,} rows, churners at {chance:g}"
            yield _counted(kind, "gate: sample surely unlike the test set", case, said)


def _holdout(churned: Labels) -> Holdout:
    return Holdout(pd.DataFrame(index=range(len(churned))), churned, np.zeros(len(churned)))


def _ahead(repetitions: int) -> Iterator[dict[str, Fact]]:
    for rows in ROWS:
        for better, kind, case in ((False, "alarm", "all equal"), (True, "power", "one better")):
            said = []
            for seed in range(repetitions):
                sample = Customers.draw(rows, seed)
                rivals = [sample.better, *sample.equal[1:]] if better else sample.equal
                compared = {f"{at}": _folds(one) for at, one in enumerate([sample.worse, *rivals])}
                ahead = fold_comparison.surely_ahead(compared, "0", sample.churned)
                said.append("1" in ahead if better else bool(ahead))
            yield _counted(kind, "fit: another algorithm surely ahead", f"{rows:,} rows, {case}", said)


def _folds(probability: Vector) -> OutOfFold:
    parts = np.array_split(np.arange(len(probability)), 5)
    return OutOfFold(
        [(np.array([], dtype=np.int64), held_out) for held_out in parts], [probability[one] for one in parts]
    )


def _counted(kind: str, what: str, case: str, said: Sequence[bool]) -> dict[str, Fact]:
    return {"kind": kind, "what": what, "case": case, "hits": sum(map(bool, said)), "samples": len(said)}


def _share(one: Mapping[str, Fact]) -> str:
    return findings.rate(int(one["hits"] or 0), int(one["samples"] or 0))


def _conclude(raw: Sequence[Mapping[str, Fact]]) -> str:
    def ends(kind: str) -> tuple[float, float]:
        shares = [float(one["hits"] or 0) / float(one["samples"] or 1) for one in raw if one["kind"] == kind]
        return min(shares), max(shares)

    (low, high), (_, most) = ends("interval"), ends("alarm")
    return f"The intervals hold in {low:.1%} to {high:.1%}. What is not so is said in at most {most:.1%} of samples."
