"""Measures time and memory of a fit outside of XGBoost: `python -m benchmarks.training_cost`.

Runs the whole of `python -m training fit` on many synthetic rows, without a search for parameters, and measures the
time inside and outside of XGBoost.
"""

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from typing import Any

from xgboost import XGBClassifier

from benchmarks.reporting import findings, tables
from models.progress import Progress
from training import pipeline
from training.settings import FitSettings

ROWS = 1_000_000
_FEATURE_BYTES, _FEATURES_AND_OUTCOME = 8, 6
PAGE = """\
# Cost of a fit outside of boosting

Made by `make bench-training`; `training_cost.json` in this folder has every run.

{machine}
`python -m training fit --rows {rows}`, one thread, without trials: drawing and checking the customers, leak
detection, five folds of five algorithms, ten other seeds, the fit itself, calibration, evaluation with intervals and by
group, pictures, card, bundle and MLflow. **boosting** is the time inside `XGBClassifier.fit`, of all {fits} fits
together; **other / boosting** is all other time as a multiple of it. **memory** is the maximum resident memory of the
process minus that after importing all libraries; **memory / data** is its multiple of the data size: {rows} customers
of five features and an outcome, eight bytes each. Median and maximum of {runs} runs, each in a process of its own.

{costs}
"""


@dataclass(frozen=True)
class Run:
    """Time and memory of one fit."""

    rows: int
    seconds: float
    boosting_seconds: float
    boosting_fits: int
    data_mb: float
    above_libraries_mb: float

    @property
    def around(self) -> float:
        """Time outside of boosting, as a multiple of the time inside."""
        return self.seconds / self.boosting_seconds - 1

    @property
    def memory(self) -> float:
        """Memory, as a multiple of the data."""
        return self.above_libraries_mb / self.data_mb


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_cost", description="Measure a fit's cost.")
    parser.add_argument("--runs", type=int, default=3, help="fits (default 3)")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"customers (default {ROWS:,})")
    options = parser.parse_args()
    found = []
    with Progress(options.runs) as progress:
        progress.stage("fitting")
        for _ in range(options.runs):
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
                found.append(alone.submit(run, options.rows).result())
            progress.step()
    described = findings.describe()
    page = PAGE.format(
        machine=tables.facts(described),
        rows=f"{options.rows:,}",
        fits=found[0].boosting_fits,
        runs=options.runs,
        costs=_table(found),
    )
    findings.save("training_cost", described, found, page)


def run(rows: int) -> Run:
    """Fit once, in this process."""
    with TemporaryDirectory() as folder, timed() as boosting:
        here = Path(folder)
        uri = f"sqlite:///{here / 'mlflow.db'}"
        # A small fit first triggers all late imports and creates MLflow's tables.
        pipeline.fit(FitSettings(rows=1_000, models_dir=here / "models", output_dir=here, tracking_uri=uri))
        boosting.clear()
        before_mb, started = _most_resident_mb(), time.perf_counter()
        pipeline.fit(FitSettings(rows=rows, models_dir=here / "models", output_dir=here, tracking_uri=uri))
        seconds = time.perf_counter() - started
    return Run(
        rows=rows,
        seconds=seconds,
        boosting_seconds=sum(boosting),
        boosting_fits=len(boosting),
        data_mb=rows * _FEATURE_BYTES * _FEATURES_AND_OUTCOME / 1e6,
        above_libraries_mb=_most_resident_mb() - before_mb,
    )


@contextmanager
def timed() -> Iterator[list[float]]:
    """Collect the seconds of every call of `XGBClassifier.fit` inside the block."""
    fit: Callable[..., Any] = XGBClassifier.fit
    taken: list[float] = []

    def keep_time(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return fit(*arguments, **named)
        finally:
            taken.append(time.perf_counter() - started)

    XGBClassifier.fit = keep_time  # type: ignore[method-assign]  # restored below
    try:
        yield taken
    finally:
        XGBClassifier.fit = fit  # type: ignore[method-assign]  # as above


def _most_resident_mb() -> float:
    return getrusage(RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def _table(found: Sequence[Run]) -> str:
    figures: dict[str, list[float]] = {
        "seconds": [one.seconds for one in found],
        "boosting seconds": [one.boosting_seconds for one in found],
        "other / boosting": [one.around for one in found],
        "memory MB": [one.above_libraries_mb for one in found],
        "memory / data": [one.memory for one in found],
    }
    cells = [[name, f"{statistics.median(values):.2f}", f"{max(values):.2f}"] for name, values in figures.items()]
    return tables.table(["figure", "median", "max"], cells)


if __name__ == "__main__":
    main()
