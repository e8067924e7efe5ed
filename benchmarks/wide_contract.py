"""`make bench-wide`: what a contract of 300 fields costs beside one of 30: `python -m benchmarks.wide_contract`.

Each contract gets a copy of the programs with a model of its own. The copies take turns in each round.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.errors import BenchmarkError, WideFailed
from benchmarks.measuring import wide_table
from benchmarks.reporting import findings, tables
from models.progress import Progress

NARROW, WIDE = 30, 300
ROWS = 2_000
PROGRAMS = ("models", "service", "training", "demo", "benchmarks")
LEFT_OUT = shutil.ignore_patterns("store", "pinned.json", "history.jsonl", "__pycache__", "results")
PAGE = """\
# A contract of 300 fields

Made by `make bench-wide`; `wide_contract.json` in this folder has every round.

{machine}
Two contracts, of {narrow} and of {wide} fields: two thirds numbers, a fifth whole numbers, the rest booleans and
categories of four levels. Each has a model of 100 trees, fitted to {rows:,} customers. **over HTTP** is the median of
1,000 calls of `POST /predict` over one connection, with the log, as its client sees it. The fit and the steps are in
the processor's time, the steps as medians in one process. A batch has 1,000 customers. The two take turns; the table
has medians of {rounds} rounds, and the ratio is that of the medians. The log's JSON is written after the answer.

{steps}
The body of one customer has {narrow_bytes:,} and {wide_bytes:,} bytes. Of the steps of one prediction in the wide
contract, the matrix takes {share:.0%}; of a batch, {batch_share:.0%}.
"""


@dataclass(frozen=True)
class Round:
    """The measurements of one contract in one round."""

    round: int
    fields: int
    microseconds: dict[str, float]


def main() -> int:
    """Measure, and write the results; return 0, or 2 if a program failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wide_contract", description="Measure many fields.")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds (default 3)")
    options = parser.parse_args()
    try:
        found = measure(options.rounds)
    except BenchmarkError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    described = findings.describe()
    findings.save("wide_contract", described, found, write(tables.facts(described), found))
    return 0


def measure(rounds: int) -> list[Round]:
    """Fit a model for each contract, and measure both in turn."""
    found = []
    with TemporaryDirectory() as folder, Progress(2 * rounds + 2) as progress:
        fits = {}
        for fields in (NARROW, WIDE):
            progress.stage(f"fitting {fields} fields")
            home = Path(folder, str(fields))
            _copy(home)
            wide_table.write(home, count=fields, rows=ROWS)
            began = _processor_seconds()
            _run(home, "training", "fit", "--data", "customers.csv", "--columns", "columns.toml", "--pin")
            fits[fields] = 1e6 * (_processor_seconds() - began)
            progress.step()
        for number in range(1, rounds + 1):
            progress.stage(f"round {number}")
            for fields in (NARROW, WIDE):
                told = json.loads(_run(Path(folder, str(fields)), "benchmarks.measuring.request_steps"))
                found.append(Round(number, fields, {"fit": fits[fields], **told}))
                progress.step()
    return found


def write(machine: str, found: Sequence[Round]) -> str:
    """Write the page."""
    narrow, wide = (_medians(found, fields) for fields in (NARROW, WIDE))
    return PAGE.format(
        machine=machine,
        narrow=NARROW,
        wide=WIDE,
        rows=ROWS,
        rounds=max(one.round for one in found),
        steps=tables.table(["µs", f"{NARROW} fields", f"{WIDE} fields", "ratio"], list(_rows(narrow, wide))),
        narrow_bytes=round(narrow["body bytes"]),
        wide_bytes=round(wide["body bytes"]),
        share=_share(wide, "one: "),
        batch_share=_share(wide, "batch: "),
    )


def _medians(found: Sequence[Round], fields: int) -> dict[str, float]:
    rounds = [one.microseconds for one in found if one.fields == fields]
    return {name: median(one[name] for one in rounds) for name in rounds[0]}


def _rows(narrow: Mapping[str, float], wide: Mapping[str, float]) -> list[list[str]]:
    sums = {f"{kind}: all steps": kind for kind in ("one", "batch")}
    named = {"http": "over HTTP", "fit": "the whole fit"}
    lines = [(named.get(name, name), narrow[name], wide[name]) for name in narrow if name != "body bytes"]
    for name, kind in sums.items():
        small, large = (sum(_steps(side, f"{kind}: ").values()) for side in (narrow, wide))
        lines.append((name, small, large))
    return [[name, f"{small:,.0f}", f"{large:,.0f}", f"{large / small:.1f}"] for name, small, large in lines]


def _steps(medians: Mapping[str, float], kind: str) -> dict[str, float]:
    return {name: value for name, value in medians.items() if name.startswith(kind)}


def _share(medians: Mapping[str, float], kind: str) -> float:
    return medians[f"{kind}encode as matrix"] / sum(_steps(medians, kind).values())


def _copy(home: Path) -> None:
    for name in PROGRAMS:
        shutil.copytree(name, home / name, ignore=LEFT_OUT)


def _processor_seconds() -> float:
    """Return the processor's time of all processes that ended so far."""
    ended = os.times()
    return ended.children_user + ended.children_system


def _run(home: Path, *words: str) -> str:
    done = subprocess.run([sys.executable, "-m", *words], cwd=home, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WideFailed(command=words, problem=" ".join(done.stderr.split())[-300:])
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
