"""The page of the studies: pictures and a summary first, then every table."""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.reporting import record, tables
from benchmarks.statistics import study, summary
from benchmarks.statistics.catalogue import STUDIES

_PICTURES = {
    "coverage": "For each printed 95 % interval, how often it held the truth, beside the line of 95 %",
    "power": (
        "Share of samples on which the gate promotes a model, by how much it is truly better, for 1,000, 4,000 and "
        "16,000 test rows"
    ),
    "false-alarms": (
        "Drifts that begin in a calm year of hourly looks, with the limits of a single check and of hourly looks, and "
        "the days until each finds slow drift"
    ),
}
_PAGE = """\
# How far the figures can be trusted

Made by `make bench-statistics`; the folder `statistics` beside this page has every repetition.

{pictures}

## In short

The rest of this page has what was drawn, and every figure with its interval.

{summary}

## How it was measured

{machine}
Each study draws samples whose truth is known, and runs the product's own code on them. In brackets, 95 % intervals
(Wilson for shares). A study keeps the results of its last run (`make bench-statistics ONLY=calibration`); machine and
date are those of the newest. `make bench-statistics REDRAW=1` makes page and pictures anew from what is kept.
Error rates of single windows are on pages of their own: [drift](drift_errors.md), [performance](performance_errors.md).

{sections}"""


def write(described: Mapping[str, str]) -> str:
    """Write the page of all studies that have been saved, and return it; `described` are facts about the machine."""
    return _write(tables.facts(described))


def write_again() -> str:
    """Write the page with the facts of the last run."""
    facts = tuple(f"- {name}: " for name in ("date", "commit", "processor", "kernel", "python", "libraries"))
    with _path().open(encoding="utf-8") as lines:
        machine = "".join(line for line in lines if line.startswith(facts))
    return _write(machine)


def _write(machine: str) -> str:
    drawn = "\n\n".join(f"![{shown}](../../docs/{name}.svg)" for name, shown in _PICTURES.items())
    said = "\n".join(summary.sentences())
    page = _PAGE.format(pictures=drawn, summary=said, machine=machine, sections=study.page(STUDIES))
    _path().write_text(page, encoding="utf-8")
    return page


def _path() -> Path:
    return record.FOLDER / "statistics.md"
