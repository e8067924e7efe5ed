"""Study: the figures of calibration, and the coverage of their intervals."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.reporting import findings
from benchmarks.statistics.study import Fact, Study
from models.bundles import recalibration
from models.bundles.recalibration import Recalibration
from models.customer.contract import Labels, Vector
from training.data import synthetic

REPETITIONS, ROWS, POPULATION_ROWS, BINS = 300, (1_000, 4_000), 200_000, 10
BOUNDS = np.array([0.3, 0.7])
SHOWN = ("calibration_error", "calibration_slope", "calibration_intercept", *recalibration.AT_BOUNDS)
SERVED: Mapping[str, Callable[[Vector], Vector]] = {
    "calibrated": lambda probability: probability,
    "too extreme": Recalibration(slope=1.3, intercept=0.2).apply,
    "a third too high": Recalibration(slope=1.0, intercept=0.35).apply,
    "bent": lambda probability: np.where(probability > 0.3, 0.3 + (probability - 0.3) * 0.85, probability),
}
"""What a model makes of the true probabilities; a recalibration corrects all but the last."""
ABOUT = """\
{repetitions} samples of the synthetic customers for each row. The model serves the true probabilities, changed as the
first column says. **covered** is the share of 95 % intervals of `models.bundles.recalibration` that contain the truth
of the population. **churned at 30 %** and **at 70 %** are the shares that churned of customers with such a forecast, by
the nearest line. **bias** is the mean estimate of the calibration error minus the true one in the last column: of the
recalibration, and of ten bins of equally many rows."""


def make(repetitions: int = REPETITIONS) -> Study:
    """Draw the samples, and count."""
    truths = {kind: _truth(kind) for kind in SERVED}
    every = [fact for rows in ROWS for seed in range(repetitions) for fact in _sample(rows, seed, truths)]
    raw = [_count(kind, rows, every) for kind in SERVED for rows in ROWS]
    return Study(
        title="Calibration error, slope and intercept",
        about=ABOUT.format(repetitions=repetitions),
        columns=(
            "model",
            "rows",
            "error covered",
            "slope covered",
            "intercept covered",
            "churned at 30 %",
            "churned at 70 %",
            "bias",
            "bias of ten bins",
            "true error",
        ),
        rows=[_row(one) for one in raw],
        conclusion=_conclude(raw),
        raw=raw,
    )


def binned(probability: Vector, churned: Labels) -> float:
    """Return the mean distance between churn rate and mean probability of ten bins of equally many rows."""
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, BINS)
    return float(sum(abs((churned[part] - probability[part]).sum()) for part in parts)) / len(probability)


def _truth(kind: str) -> Mapping[str, float]:
    """Return the figures of the population; slope and intercept are those of the nearest line."""
    _, true = synthetic.sample(POPULATION_ROWS, seed=2**31)
    served = SERVED[kind](true)
    line = recalibration.fit(served, true)  # true probabilities as outcomes have no noise
    error, at_bounds = float(np.abs(served - true).mean()), line.apply(BOUNDS).tolist()
    return dict(zip(SHOWN, (error, line.slope, line.intercept, *at_bounds), strict=True))


def _sample(rows: int, seed: int, truths: Mapping[str, Mapping[str, float]]) -> list[dict[str, Fact]]:
    """Draw one sample, and measure what each model serves for it."""
    customers, true = synthetic.sample(rows, seed=seed)
    churned, found = customers["churned"].to_numpy(), list[dict[str, Fact]]()
    for kind, truth in truths.items():
        served = SERVED[kind](true)
        line, every = recalibration.fit(served, churned), np.ones(rows)
        values = recalibration.figures(served, line.ends, every, bounds=BOUNDS)
        intervals = recalibration.intervals(served, line, every, bounds=BOUNDS)
        fact: dict[str, Fact] = {"model": kind, "rows": rows, "truth": round(truth[SHOWN[0]], 5)}
        fact["contains_its_estimate"] = all(low <= values[name] <= high for name, (low, high) in intervals.items())
        for name in SHOWN:
            fact[name] = round(float(values[name]), 4)
            fact[f"{name}_covered"] = intervals[name][0] <= truth[name] <= intervals[name][1]
        found.append(fact | {"binned": round(binned(served, churned), 4)})
    return found


def _count(kind: str, rows: int, every: Sequence[Mapping[str, Fact]]) -> dict[str, Fact]:
    """Count what is covered of one model at one number of rows, with the means of the estimates."""
    some = [one for one in every if (one["model"], one["rows"]) == (kind, rows)]
    counted: dict[str, Fact] = {"model": kind, "rows": rows, "samples": len(some), "truth": some[0]["truth"]}
    counted |= {
        name: sum(bool(one[name]) for one in some) for name in some[0] if name.endswith(("covered", "estimate"))
    }
    for name in (*SHOWN, "binned"):
        values = np.array([float(one[name] or 0) for one in some])
        counted |= {f"{name}_mean": round(float(values.mean()), 5), f"{name}_deviation": round(float(values.std()), 5)}
    return counted


def _row(counted: Mapping[str, Fact]) -> list[str]:
    covered = [findings.rate(_whole(counted, f"{name}_covered"), _whole(counted, "samples")) for name in SHOWN]
    truth, *means = (float(counted[name] or 0) for name in ("truth", f"{SHOWN[0]}_mean", "binned_mean"))
    biases = [f"{mean - truth:+.4f}" for mean in means]
    return [str(counted["model"]), f"{counted['rows']:,}", *covered, *biases, f"{truth:.4f}"]


def _whole(counted: Mapping[str, Fact], name: str) -> int:
    return int(counted[name] or 0)


def _conclude(raw: Sequence[Mapping[str, Fact]]) -> str:
    told = []
    for name in SHOWN:
        shares = [_whole(one, f"{name}_covered") / _whole(one, "samples") for one in raw if one["model"] != "bent"]
        told.append(f"{name.replace('_', ' ')} {min(shares):.1%} to {max(shares):.1%}")
    samples = sum(_whole(one, "samples") for one in raw)
    without = samples - sum(_whole(one, "contains_its_estimate") for one in raw)
    return (
        f"Where a line can correct the model, the intervals cover: {', '.join(told)}. {without:,} of {samples:,} "
        "samples had an interval without its own estimate. Of a bend, the recalibration sees what a line can correct."
    )
