"""Measures time and memory of the drift job over windows of several sizes: `python -m benchmarks.drift_cost`.

Runs `python -m monitoring drift` as a user would, so the figures include importing Evidently and drawing the report.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.errors import JobFailed
from benchmarks.reporting import drift_data, findings, tables
from models.progress import Progress
from monitoring.runs import run_store

ROWS = (100_000, 1_000_000, 10_000_000)
PAGE = """\
# Cost of the drift job

Made by `make bench-drift`; `drift_cost.json` in this folder has every run.

{machine}
Wall time and maximum resident memory (10^6 bytes) of the whole process `python -m monitoring drift`, from exec to exit:
importing Evidently, reading the window, checking 50,000 rows of the log or all rows of a file, drawing and saving the
report. The log is SQLite; all files are in the page cache, since they have just been written or read.
Median and maximum of {runs} runs.

{costs}
"""


@dataclass(frozen=True)
class Run:
    """Time and memory of one run of the job."""

    source: str
    rows: int
    seconds: float
    most_resident_mb: float


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift_cost", description="Measure the job's cost.")
    parser.add_argument("--runs", type=int, default=3, help="runs per source and size (default 3)")
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS, help="window sizes in rows")
    options = parser.parse_args()
    kinds = [(source, rows) for rows in options.rows for source in drift_data.SOURCES]
    with Progress(len(kinds) * (options.runs + 1)) as progress:
        flags = {}
        for source, rows in kinds:
            progress.stage(f"writing {rows:,} rows")
            flags[source, rows] = drift_data.flags(source, rows)
            progress.step()
        progress.stage("measuring")
        found = []
        for _ in range(options.runs):
            for source, rows in kinds:
                found.append(run(source, rows, flags[source, rows]))
                progress.step()
    described = findings.describe()
    page = PAGE.format(machine=tables.facts(described), runs=options.runs, costs=_table(found))
    findings.save("drift_cost", described, found, page)


def run(source: str, rows: int, flags: Sequence[str]) -> Run:
    """Run the job once.

    Raises:
        JobFailed: the job has no verdict, or did not count all rows.
    """
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "monitoring", "drift", "--output-dir", folder, *flags]
        started = time.perf_counter()
        with (Path(folder) / "out").open("w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out)
            _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if (run_store.newest(Path(folder), "drift") or {}).get("window_rows") != rows:
            raise JobFailed(flags=flags, problem=(Path(folder) / "out").read_text().strip()[-300:])
    return Run(source, rows, seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6)


def _table(found: Sequence[Run]) -> str:
    cells = []
    for source, rows in dict.fromkeys((one.source, one.rows) for one in found):
        runs = [one for one in found if (one.source, one.rows) == (source, rows)]
        seconds, memory = [one.seconds for one in runs], [one.most_resident_mb for one in runs]
        times = [f"{figure:.1f}" for figure in (statistics.median(seconds), max(seconds))]
        cells.append(
            [source, f"{rows:,}", *times, *(f"{figure:.0f}" for figure in (statistics.median(memory), max(memory)))]
        )
    return tables.table(["window", "rows", "seconds", "max seconds", "memory MB", "max memory MB"], cells)


if __name__ == "__main__":
    main()
