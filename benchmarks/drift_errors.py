"""Measures the error rates of the drift job by simulation: `python -m benchmarks.drift_errors`.

Draws windows from the population of the training data, shifts some of them by a known amount, and runs the job's own
drift detection on each.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from benchmarks.reporting import findings, tables
from demo import synthetic_customers
from models.bundles import bundle
from models.customer.feature import Feature
from models.features import CONTRACT
from models.progress import Progress
from monitoring.drift import baseline
from monitoring.drift.baseline import Baseline
from monitoring.drift.drift_detection import detect
from monitoring.drift.drift_result import DriftResult
from monitoring.drift.live_rows import LiveRows
from monitoring.drift.row_counts import PREDICTION
from monitoring.settings import DriftSettings

ROWS, DEVIATIONS = (500, 5_000), (0.1, 0.2, 0.3)
PINNED, NEW = "the pinned model's", "a new one each time"
PAGE = """\
# Error rates of the drift job

Made by `make bench-drift`; `drift_errors.json` in this folder has the counts.

{machine}
Each window is a new sample from the population of the pinned model's training data, checked with the code and the
settings of `python -m monitoring drift`: a false alarm rate of {false_alarm_rate:.0%} for all columns together, a
smallest distance of {min_distance}, and a smallest drift share of {min_drift_share:.0%}. In brackets, 95 % intervals
(Wilson).

The joint check of the columns, which the job makes as well, has been measured alone, in study `drift_multivariate` of
`make bench-statistics`. A page from before the 30th of November 2026 is without it.

## Calm windows: false alarms

**drift** is the share of windows with the verdict drift, **drifted column** the share with any drifted column.

{calm}
## Shifted windows: detection rate

One column is raised by a fraction of its standard deviation. A number is raised by that amount (integers are rounded up
or down at random, so that the mean rises by that amount; bounds hold). In a category, customers move to the first
value. **drift** is the share of windows with the verdict drift, **drifted column** the share in which the shifted
column drifted. A drifted column with less than {min_drift_share:.0%} of the feature importance is reported, but the
verdict is drift only if the predictions drift too.

{shifted}
"""


@dataclass(frozen=True)
class Counted:
    """Counts over the windows of one kind."""

    column: str
    """The shifted column; for calm windows, the reference that they were compared with."""
    importance: float | None
    deviations: float
    rows: int
    windows: int
    found: int
    """Windows whose verdict was drift."""
    named: int
    """Windows in which the shifted column drifted; for calm windows, any column."""


def main() -> None:
    """Simulate, and write the counts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift_errors", description="Count the job's errors.")
    parser.add_argument("--windows", type=int, default=200, help="shifted windows per kind; twice as many calm ones")
    windows = parser.parse_args().windows
    settings = DriftSettings()
    learned = baseline.load(bundle.load(settings.models_dir, contract=CONTRACT), CONTRACT, rows=settings.sample_rows)
    described = findings.describe() | {"model": learned.scorer.version}
    kinds = len(ROWS) * (2 * 2 + len(CONTRACT.features) * len(DEVIATIONS))
    found = []
    with Progress(kinds) as progress:
        progress.stage("simulating")
        for counted in count(learned, windows, settings):
            found.append(counted)
            progress.step()
    page = PAGE.format(
        machine=tables.facts(described),
        calm=_table(["reference"], [one for one in found if not one.deviations]),
        shifted=_table(["column", "importance", "shift, deviations"], [one for one in found if one.deviations]),
        **settings.model_dump(),
    )
    findings.save("drift_errors", described, found, page)


def count(learned: Baseline, windows: int, settings: DriftSettings) -> Iterator[Counted]:
    """Check windows of every kind, and yield their counts."""
    seeds = iter(range(1_000, 10_000_000))
    for rows in ROWS:
        for reference in (PINNED, NEW):
            calm = Counted(reference, None, 0, rows, 2 * windows, 0, 0)
            for _ in range(calm.windows):
                against = learned if reference == PINNED else _draw_reference(learned, next(seeds))
                verdict = _judge(against, synthetic_customers.calm(rows, seed=next(seeds)), settings)
                calm = _add(calm, verdict, named=bool(verdict.drifted))
            yield calm
        for feature in CONTRACT.features:
            for deviations in DEVIATIONS:
                shifted = Counted(feature.name, learned.importance[feature.name], deviations, rows, windows, 0, 0)
                for _ in range(windows):
                    live = shift(
                        synthetic_customers.calm(rows, seed=next(seeds)), feature, deviations, seed=next(seeds)
                    )
                    verdict = _judge(learned, live, settings)
                    names = {score.feature for score in verdict.drifted}
                    shifted = _add(shifted, verdict, named=feature.name in names)
                yield shifted


def shift(live: pd.DataFrame, feature: Feature, deviations: float, *, seed: int) -> pd.DataFrame:
    """Raise one column by a fraction of its standard deviation; for a category, the share of its first value."""
    chance = np.random.default_rng(seed).random(len(live))
    column = live[feature.name]
    if feature.kind == "category":
        first = column == feature.categories[0]
        moves = ~first & (chance < deviations * first.std() / (1 - first.mean()))
        return live.assign(**{feature.name: column.mask(moves, feature.categories[0])})
    raised = column + deviations * column.std()
    if feature.kind == "integer":
        raised = np.floor(raised + chance).astype("int64")
    live = live.assign(**{feature.name: raised.clip(upper=feature.limits["le"])})
    return live.assign(total_charges=live["total_charges"].clip(lower=live["monthly_charges"]))


def _draw_reference(learned: Baseline, seed: int) -> Baseline:
    table = synthetic_customers.calm(len(learned.table), seed=seed)
    return replace(learned, table=table.assign(**{PREDICTION: learned.predict(table)}))


def _judge(learned: Baseline, table: pd.DataFrame, settings: DriftSettings) -> DriftResult:
    live = LiveRows("simulated", table.assign(**{PREDICTION: learned.predict(table)}), len(table))
    return detect(learned, live, settings)[1]


def _add(counted: Counted, verdict: DriftResult, *, named: bool) -> Counted:
    return replace(counted, found=counted.found + verdict.exit_code, named=counted.named + named)


def _table(head: Sequence[str], found: Sequence[Counted]) -> str:
    rows = [
        [
            *[one.column, f"{one.importance or 0:.0%}", f"{one.deviations:g}"][: len(head)],
            f"{one.rows:,}",
            f"{one.windows:,}",
            findings.rate(one.found, one.windows),
            findings.rate(one.named, one.windows),
        ]
        for one in sorted(found, key=lambda one: (-(one.importance or 0), one.column, one.deviations, one.rows))
    ]
    return tables.table([*head, "rows", "windows", "drift", "drifted column"], rows)


if __name__ == "__main__":
    main()
