"""Measures the error rates of the performance job by simulation: `python -m benchmarks.performance_errors`.

Draws customers from the population of the training data, changes the outcomes of some windows, and runs the job's own
checks on each.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.reporting import findings, tables
from models.bundles import bundle, quality
from models.bundles.manifest import Manifest
from models.bundles.quality import Figures
from models.bundles.scorer import Scorer
from models.customer.contract import Labels, Vector
from models.features import CONTRACT
from models.progress import Progress
from monitoring.quality import performance_checks
from monitoring.quality.performance_checks import Check
from monitoring.settings import PerformanceSettings
from training.data import synthetic

ROWS = (500, 5_000)
Change = Callable[[Labels, np.random.Generator], Labels]
"""Changes the outcomes of a window."""
PAGE = """\
# Error rates of the performance job

Made by `python -m benchmarks.performance_errors`; `performance_errors.json` in this folder has the counts.

{machine}
Each window has outcomes of new customers from the population of the pinned model's training data, checked with the code
and the settings of `python -m monitoring performance`: a false alarm rate of {false_alarm_rate:.0%}, a smallest fall of
ROC-AUC of {min_fall}, and a smallest calibration error of {min_calibration_error}. **fallen** is the share of windows
with the verdict "quality fallen", **ROC-AUC** and **calibration** the shares in which that check failed. In brackets,
95 % intervals (Wilson).

The rows "as ever" have unchanged outcomes, so they are false alarms. The first of them uses the pinned model's test
set, which may be easier or harder than others; "another test set" draws a new test set of the same size per window.

{counted}"""


@dataclass(frozen=True)
class Counted:
    """Counts over the windows of one kind."""

    outcomes: str
    rows: int
    windows: int
    found: int
    """Windows in which any check failed."""
    roc_auc: int
    calibration_error: int


class Simulation:
    """Simulates windows of the population, the pinned model's predictions and the job's checks."""

    def __init__(self, settings: PerformanceSettings, seed: int = 0) -> None:
        model = bundle.load(settings.models_dir, contract=CONTRACT)
        self.manifest: Manifest = model.manifest
        self._settings, self._scorer, self.random = settings, Scorer.of(model), np.random.default_rng(seed)
        self._policy = self.manifest.policy

    def draw(self, rows: int) -> tuple[Vector, Labels]:
        """Draw customers; return the model's probabilities and the outcomes."""
        customers, _ = synthetic.sample(rows, seed=int(self.random.integers(2**32)))
        return self._scorer.score(CONTRACT.to_matrix(customers)), customers["churned"].to_numpy()

    def draw_reference(self) -> Figures:
        """Draw another test set of the same size, and return its figures."""
        return quality.measured(*self.draw(sum(dict(self.manifest.confusion).values())), self._policy)

    def expect(self, probability: Vector) -> float:
        """Return the calibration error that correct probabilities exceed in half of the false alarms."""
        rate = self._settings.false_alarm_rate / performance_checks.CHECKS
        return quality.chance_calibration_error(probability, self._policy, rate=rate)

    def check(self, probability: Vector, churned: Labels, reference: Figures, chance: float) -> tuple[Check, ...]:
        """Run the job's checks."""
        chosen = self._settings.model_dump(include={"false_alarm_rate", "min_fall", "min_calibration_error"})
        live = quality.measured(probability, churned, self._policy)
        return performance_checks.check(live, reference, chance, **chosen)


def shuffle(churned: Labels, random: np.random.Generator, *, share: float) -> Labels:
    """Shuffle the outcomes of a share of the customers."""
    some = random.random(len(churned)) < share
    changed = churned.copy()
    changed[some] = random.permutation(churned[some])
    return changed


def leave(churned: Labels, random: np.random.Generator, *, share: float) -> Labels:
    """Let a random share of the customers churn."""
    return churned | (random.random(len(churned)) < share)


CHANGES: Mapping[str, Change] = {
    "a tenth of the outcomes shuffled": partial(shuffle, share=0.1),
    "a quarter of the outcomes shuffled": partial(shuffle, share=0.25),
    "one in twenty leaves whoever it is": partial(leave, share=0.05),
}


def main() -> None:
    """Simulate, and write the counts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance_errors", description="Count the errors.")
    parser.add_argument("--windows", type=int, default=200, help="windows per kind (default 200)")
    windows = parser.parse_args().windows
    settings = PerformanceSettings()
    simulation = Simulation(settings)
    found: list[Counted] = []
    with Progress(len(ROWS)) as progress:
        progress.stage("simulating")
        for rows in ROWS:
            found += count(simulation, rows, windows)
            progress.step()
    described = findings.describe() | {"model": simulation.manifest.version}
    page = PAGE.format(machine=tables.facts(described), counted=_table(found), **settings.model_dump())
    findings.save("performance_errors", described, found, page)


def count(simulation: Simulation, rows: int, windows: int) -> list[Counted]:
    """Check windows of every kind, and return their counts."""
    broken: Counter[tuple[str, str]] = Counter()
    kinds: dict[str, None] = {}
    for _ in range(windows):
        for kind, checks in _judge(simulation, rows):
            kinds[kind] = None
            names = {check.metric for check in checks if check.broken}
            broken.update((kind, name) for name in (*names, *(["any"] if names else [])))
    metrics = ("any", "roc_auc", "calibration_error")
    return [Counted(kind, rows, windows, *(broken[kind, metric] for metric in metrics)) for kind in kinds]


def _judge(simulation: Simulation, rows: int) -> Iterator[tuple[str, tuple[Check, ...]]]:
    """Check one draw of customers with every kind of outcomes."""
    probability, churned = simulation.draw(rows)
    chance, reference = simulation.expect(probability), performance_checks.reference(simulation.manifest)
    yield "as ever", simulation.check(probability, churned, reference, chance)
    another = simulation.draw_reference()
    yield "as ever, another test set", simulation.check(probability, churned, another, chance)
    for kind, change in CHANGES.items():
        yield kind, simulation.check(probability, change(churned, simulation.random), reference, chance)


def _table(found: list[Counted]) -> str:
    cells = [
        [one.outcomes, f"{one.rows:,}", f"{one.windows:,}"]
        + [findings.rate(hits, one.windows) for hits in (one.found, one.roc_auc, one.calibration_error)]
        for one in found
    ]
    return tables.table(["outcomes", "rows", "windows", "fallen", "ROC-AUC", "calibration"], cells)


if __name__ == "__main__":
    main()
