"""The command line of both comparisons: measure, write the results, draw the figure, print the page."""

import argparse
import logging
import sys
from collections.abc import Callable

from benchmarks.errors import BenchmarkError
from benchmarks.measuring import wrk
from benchmarks.reporting import figure, record
from benchmarks.reporting.record import Record


def play(name: str, measure: Callable[[int, int], Record], write: Callable[[Record], str]) -> int:
    """Measure, and write the results; return 0, or 2 if the measurement failed.

    `measure` takes the number of rounds and the seconds of each load.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description="Measure and write the results.")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds (default 3)")
    parser.add_argument("--seconds", type=int, default=3, help="length of each load (default 3)")
    parser.add_argument("--redraw", action="store_true", help="write page and figure again from the raw file")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if options.redraw:
        found = record.load(name)
    else:
        try:
            wrk.prepare()
            found = measure(options.rounds, options.seconds)
        except BenchmarkError as error:
            sys.stderr.write(f"{error}\n")
            return 2
    page = write(found)
    record.save(found, page, name)
    figure.draw_again()
    sys.stdout.write(page)
    return 0
