"""Measures how far the printed figures can be trusted: `python -m benchmarks.statistics`.

Each study is a process of its own with one thread, as many at a time as there are cores.
"""

import argparse
import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from benchmarks.reporting import findings
from benchmarks.statistics import page, pictures, study
from benchmarks.statistics.catalogue import STUDIES
from models.progress import Progress


def main() -> int:
    """Run the studies, and write their raw data, the pictures and the page; return 0, or 2 if a study failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.statistics", description="Measure printed figures.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--only", nargs="+", choices=STUDIES, help="studies to run (all)")
    what.add_argument("--redraw", action="store_true", help="run no study; make page and pictures from the raw data")
    asked = parser.parse_args()
    if asked.redraw:
        pictures.draw()
        sys.stdout.write(page.write_again())
        return 0
    failed = run(asked.only or list(STUDIES))
    pictures.draw()
    sys.stdout.write(page.write(findings.describe()))
    sys.stderr.writelines(f"{one}\n" for one in failed)
    return 2 if failed else 0


def run(names: Sequence[str]) -> list[str]:
    """Run studies and save them; return what failed."""
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
    return failed


if __name__ == "__main__":
    sys.exit(main())
