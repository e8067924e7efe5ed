"""Measures fits in parts, in one process and in several, over the rows: `python -m benchmarks.scale`.

The fits learn once from all training rows and leave out what a whole fit does on samples.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import xgboost
from sklearn.metrics import roc_auc_score

from benchmarks.errors import BenchmarkError, PartsFitFailed
from benchmarks.measuring.parts_fit import LEARNING
from benchmarks.reporting import findings, scale_page, tables
from benchmarks.reporting.scale_page import ONE, Run
from models.features import CONTRACT
from models.progress import Progress
from training.data import synthetic

ROWS, PROCESSES, TREES = (250_000, 1_000_000, 4_000_000), (1, 2, 4), 30
JUDGED_ROWS, _JUDGED_SEED = 400_000, 1_000_000
_FILES, _MOST_FILE_ROWS = 8, 500_000
LARGEST_PROCESSES = (2, 0)


def main() -> int:
    """Measure, and write the results after each round; return 0, or 2 if a fit failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description="Measure fits in parts.")
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS, help="sizes of the tables in rows")
    parser.add_argument("--processes", type=int, nargs="+", default=PROCESSES, help="numbers of processes (1 2 4)")
    parser.add_argument("--rounds", type=int, default=2, help="number of rounds (default 2)")
    parser.add_argument("--trees", type=int, default=TREES, help=f"trees of each fit (default {TREES})")
    parser.add_argument("--largest", type=int, help="rows of one more table, fitted once by one process and by two")
    options = parser.parse_args()
    kinds = [0, *options.processes]
    plan = [(0, options.largest, many) for many in LARGEST_PROCESSES if options.largest] + [
        (number, rows, many)
        for number in range(1, options.rounds + 1)
        for rows in sorted(options.rows)
        for many in (kinds if number % 2 else reversed(kinds))
    ]
    described, found = findings.describe(), list[Run]()
    with TemporaryDirectory() as scratch, Progress(len(plan)) as progress:
        for number, rows, many in plan:
            progress.stage(f"fitting {rows:,} rows, {kind(many)}")
            try:
                found.append(run(Path(scratch), number, rows, many, options.trees))
            except BenchmarkError as error:
                sys.stderr.write(f"{error}\n")
                return 2
            progress.step()
            if number and len([one for one in found if one.round == number]) == len(options.rows) * len(kinds):
                rate, cores = LEARNING / options.trees, os.cpu_count() or 1
                page = scale_page.write(found, trees=options.trees, rate=rate, judged=JUDGED_ROWS, cores=cores)
                findings.save("scale", described, found, page.replace("{machine}", tables.facts(described)))
    return 0


def kind(processes: int) -> str:
    """Return the name of a fit in so many processes; 0 means without a cluster."""
    return f"local:{processes}" if processes else ONE


def write_table(folder: Path, rows: int) -> Path:
    """Write synthetic customers to a Parquet folder, a file at a time, unless it exists; return it."""
    path = folder / f"customers-{rows}"
    if not path.exists():
        path.mkdir()
        file_rows = min(_MOST_FILE_ROWS, -(-rows // _FILES))
        for number, first in enumerate(range(0, rows, file_rows)):
            customers, _ = synthetic.sample(min(file_rows, rows - first), seed=number)
            table = pa.Table.from_pandas(customers, preserve_index=False)
            pq.write_table(table, path / f"part-{number:05}.parquet")
    return path


def run(scratch: Path, number: int, rows: int, processes: int, trees: int) -> Run:
    """Fit once, in a process of its own, and judge the model.

    Raises:
        PartsFitFailed: the fit ended with an error.
    """
    data = write_table(scratch, rows)
    flags = [str(data), str(scratch), "--processes", str(processes), "--trees", str(trees)]
    command = [sys.executable, "-m", "benchmarks.measuring.parts_fit", *flags]
    began = time.perf_counter()
    with (scratch / "out").open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        last = (scratch / "out").read_text().strip().rpartition("\n")[2]
        raise PartsFitFailed(kind=kind(processes), rows=rows, problem=last[:300].rstrip("."))
    stages = json.loads((scratch / "stages.json").read_text())
    model = (scratch / "trees.ubj").read_bytes()
    reached, best = judge(model)
    return Run(
        round=number,
        rows=rows,
        trees=trees,
        kind=kind(processes),
        cpu_seconds=round(usage.ru_utime + usage.ru_stime, 2),  # with all processes that it started and waited for
        seconds=round(seconds, 2),
        stage_seconds=stages["seconds"],
        stage_cpu_seconds=stages["cpu_seconds"],
        main_mb=round(stages["main_mb"], 1),
        worker_mb=[round(one, 1) for one in stages["worker_mb"]],
        trees_sha256=hashlib.sha256(model).hexdigest(),
        roc_auc=reached,
        best_roc_auc=best,
    )


def judge(model: bytes) -> tuple[float, float]:
    """Return the ROC-AUC of trees on customers that no fit has seen, and that of their true probabilities."""
    customers, probability = synthetic.sample(JUDGED_ROWS, seed=_JUDGED_SEED)
    booster = xgboost.Booster(model_file=bytearray(model))
    scored = booster.inplace_predict(CONTRACT.to_matrix(customers))
    outcomes = customers["churned"]
    return float(roc_auc_score(outcomes, scored)), float(roc_auc_score(outcomes, probability))


if __name__ == "__main__":
    sys.exit(main())
