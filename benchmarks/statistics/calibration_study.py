"""Study: the figures of calibration, and the coverage of their intervals."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.reporting import findings
from benchmarks.statistics.study import Fact, Study
from models.bundles import quality, recalibration
from models.bundles.recalibration import Recalibration
from models.bundles.risk import RiskPolicy
from models.customer.contract import Labels, Vector
from training.data import synthetic

REPETITIONS, ROWS, POPULATION_ROWS, BINS = 300, (1_000, 4_000), 200_000, 10
SHOWN = ("calibration_error", "calibration_slope", "calibration_intercept")
SERVED: Mapping[str, Callable[[Vector], Vector]] = {
    "calibrated": lambda probability: probability,
    "too extreme": Recalibration(slope=1.3, intercept=0.2).apply,
    "a third too high": Recalibration(slope=1.0, intercept=0.35).apply,
    "bent": lambda probability: np.where(probability > 0.3, 0.3 + (probability - 0.3) * 0.85, probability),
}
"""What a model makes of the true probabilities; a recalibration corrects all but the last."""
ABOUT = """\
{repetitions} samples of the synthetic customers for each row. The model serves the true probabilities, changed as the
first column says. **covered** is the share of 95 % intervals of `quality.measured` that contain the truth of the
population, in the last column. **bias** is the mean estimate of the calibration error minus the truth: of the
recalibration, and of ten bins of equally many rows, as it was until this version. An interval without its own estimate
was counted, too."""


def make(repetitions: int = REPETITIONS) -> Study:
    """Draw the samples, and count."""
    raw = [
        fact
        for kind in SERVED
        for truth in [_truth(kind)]
        for rows in ROWS
        for fact in _sample(kind, rows, truth, repetitions)
    ]
    return Study(
        title="Calibration error, slope and intercept",
        about=ABOUT.format(repetitions=repetitions),
        columns=(
            "model",
            "rows",
            "error covered",
            "slope covered",
            "intercept covered",
            "bias",
            "bias of ten bins",
            "true error",
        ),
        rows=[_row(kind, rows, raw) for kind in SERVED for rows in ROWS],
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
    return dict(zip(SHOWN, (float(np.abs(served - true).mean()), line.slope, line.intercept), strict=True))


def _sample(kind: str, rows: int, truth: Mapping[str, float], repetitions: int) -> list[dict[str, Fact]]:
    found: list[dict[str, Fact]] = []
    for seed in range(repetitions):
        customers, true = synthetic.sample(rows, seed=seed)
        served, churned = SERVED[kind](true), customers["churned"].to_numpy()
        figures = quality.measured(served, churned, RiskPolicy())
        fact: dict[str, Fact] = {"model": kind, "rows": rows, "truth": round(truth[SHOWN[0]], 5)}
        fact["contains_its_estimate"] = all(one.low <= one.value <= one.high for one in figures.values())
        for name in SHOWN:
            figure = figures[name]
            fact[name] = round(figure.value, 4)
            fact[f"{name}_covered"] = figure.low <= truth[name] <= figure.high
        found.append(fact | {"binned": round(binned(served, churned), 4)})
    return found


def _row(kind: str, rows: int, raw: Sequence[Mapping[str, Fact]]) -> list[str]:
    some = [one for one in raw if (one["model"], one["rows"]) == (kind, rows)]
    covered = [findings.rate(sum(bool(one[f"{name}_covered"]) for one in some), len(some)) for name in SHOWN]
    truth = _mean(some, "truth")
    biases = [f"{_mean(some, name) - truth:+.4f}" for name in (SHOWN[0], "binned")]
    return [kind, f"{rows:,}", *covered, *biases, f"{truth:.4f}"]


def _mean(some: Sequence[Mapping[str, Fact]], name: str) -> float:
    return float(np.mean([float(one[name] or 0) for one in some]))


def _conclude(raw: Sequence[Mapping[str, Fact]]) -> str:
    shares = {
        name: [
            np.mean([bool(one[f"{name}_covered"]) for one in raw if (one["model"], one["rows"]) == (kind, rows)])
            for kind in SERVED
            if kind != "bent"
            for rows in ROWS
        ]
        for name in SHOWN
    }
    told = ", ".join(f"{name.replace('_', ' ')} {min(of):.1%} to {max(of):.1%}" for name, of in shares.items())
    without = sum(not one["contains_its_estimate"] for one in raw)
    return (
        f"Where a line can correct the model, the intervals cover: {told}. {without:,} of {len(raw):,} samples had an "
        "interval without its own estimate. Of a bend, the recalibration sees only what a line can correct."
    )
