"""Measures CPU time and memory of the drift job over folders of several sizes: `python -m benchmarks.lake_drift`.

Both hardly depend on what else the machine does, unlike the wall time of `benchmarks.drift_cost`.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.errors import JobFailed
from benchmarks.reporting import drift_data, findings, tables
from models.progress import Progress
from monitoring.runs import run_store

ROWS = (1_000_000, 5_000_000, 20_000_000)
MOST_WITH_IDS = 5_000_000
"""Ids are random, and so take most of the disk."""
PAGE = """\
# Drift on a lake

Made by `python -m benchmarks.lake_drift`; `lake_drift.json` in this folder has every run.

{machine}
CPU time and maximum resident memory (10^6 bytes) of the whole process `python -m monitoring drift --live FOLDER`, from
exec to exit: importing Evidently, reading, mapping, checking, predicting and counting every row, drawing and saving the
report. A folder has files of a million rows. In the folders of predictions each customer comes twice, with the log's
columns of ids, and counts once. **per row** is the CPU time beyond that of the smallest folder of the kind for each
further row; the ratios are to that folder.

{costs}
"""


@dataclass(frozen=True)
class Run:
    """The cost of one run of the job."""

    kind: str
    rows: int
    judged_rows: int
    """Rows that were counted: one for each customer that the folder tells apart."""
    verdict: str
    cpu_seconds: float
    most_resident_mb: float


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lake_drift", description="Measure the job's cost.")
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS, help="sizes of the folders in rows")
    sizes = sorted(parser.parse_args().rows)
    kinds = [("customers", rows) for rows in sizes] + [("predictions", rows) for rows in sizes if rows <= MOST_WITH_IDS]
    found = []
    with Progress(2 * len(kinds)) as progress:
        for kind, rows in kinds:
            progress.stage(f"writing {rows:,} {kind}")
            folder = drift_data.folder(rows, with_ids=kind == "predictions")
            progress.step()
            progress.stage(f"measuring {rows:,} {kind}")
            found.append(run(kind, rows, folder))
            progress.step()
    described = findings.describe()
    findings.save("lake_drift", described, found, PAGE.format(machine=tables.facts(described), costs=_table(found)))


def run(kind: str, rows: int, live: Path) -> Run:
    """Run the job once.

    Raises:
        JobFailed: the job has no verdict.
    """
    with TemporaryDirectory() as folder:
        flags = ["--live", str(live)]
        command = [sys.executable, "-m", "monitoring", "drift", "--output-dir", folder, *flags]
        with (Path(folder) / "out").open("w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        record = run_store.newest(Path(folder), "drift") or {}
        if not record.get("judged_rows"):
            raise JobFailed(flags=flags, problem=(Path(folder) / "out").read_text().strip()[-300:])
    memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    cpu = usage.ru_utime + usage.ru_stime
    return Run(kind, rows, record["judged_rows"], record["verdict"], round(cpu, 2), round(memory, 1))


def _table(found: Sequence[Run]) -> str:
    cells = []
    for one in found:
        least = next(other for other in found if other.kind == one.kind)
        more = (one.cpu_seconds - least.cpu_seconds) / (one.rows - least.rows) if one is not least else None
        cells.append(
            [
                one.kind,
                f"{one.rows:,}",
                f"{one.judged_rows:,}",
                one.verdict,
                f"{one.cpu_seconds:.1f}",
                "" if more is None else f"{more * 1e6:.2f} µs",
                f"{one.rows / least.rows:.0f}",
                f"{one.cpu_seconds / least.cpu_seconds:.2f}",
                f"{one.most_resident_mb:.0f}",
                f"{one.most_resident_mb / least.most_resident_mb:.2f}",
            ]
        )
    head = ["folder of", "rows", "counted", "verdict", "CPU s", "per row", "rows ratio", "CPU ratio", "memory MB"]
    return tables.table([*head, "memory ratio"], cells)


if __name__ == "__main__":
    main()
