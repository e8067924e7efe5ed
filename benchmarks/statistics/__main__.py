"""Measures how far the printed figures can be trusted: `python -m benchmarks.statistics`.

Each study is a process of its own with one thread, as many at a time as there are cores.
"""

import argparse
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from benchmarks.reporting import findings, record, tables
from benchmarks.statistics import study
from benchmarks.statistics.catalogue import STUDIES
from models.progress import Progress

PAGE = """\
# How far the figures can be trusted

Made by `make bench-statistics`; the folder `statistics` beside this page has every repetition.

{machine}
Each study draws samples whose truth is known, and runs the product's own code on them. In brackets, 95 % intervals
(Wilson for shares). A study keeps the results of its last run (`make bench-statistics ONLY=calibration`); machine and
date are those of the newest.

{sections}"""


def main() -> int:
    """Run the studies, and write their raw data and the page; return 0, or 2 if a study failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.statistics", description="Measure printed figures.")
    parser.add_argument("--only", nargs="+", choices=STUDIES, help="studies to run (all)")
    names = parser.parse_args().only or list(STUDIES)
    failed = list[str]()
    os.environ["OMP_NUM_THREADS"] = "1"  # read by the libraries of the processes that start below
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawned) as pool, Progress(len(names)) as progress:
        progress.stage("running studies")
        running = {pool.submit(STUDIES[name]): name for name in names}
        for ended in as_completed(running):
            name, error = running[ended], ended.exception()
            if error is None:
                study.save(name, ended.result())
            else:
                failed.append(f"study {name} failed: {error!r}; its results are those of before")
            progress.rename(f"{name} is done")
            progress.step()
    page = PAGE.format(machine=tables.facts(findings.describe()), sections=study.page(STUDIES))
    Path(record.FOLDER / "statistics.md").write_text(page, encoding="utf-8")
    sys.stdout.write(page)
    sys.stderr.writelines(f"{one}\n" for one in failed)
    return 2 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
