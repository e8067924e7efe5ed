"""The page of the benchmark of fits in parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from benchmarks.reporting import tables

ONE = "one process"
LEAST_SIZES = 3
"""Of a line; two lie on any."""
PAGE = """\
# Fits in parts

Made by `make bench-scale`; `scale.json` in this folder has every fit.

{machine}
Synthetic customers in a Parquet folder of at least eight files: five fields, seven columns of the matrix. Each fit is a
program of its own. It starts, reads the rows twice, encodes them, and learns {trees} trees of depth 4 (learning rate
{rate:.2f}) from all training rows, four fifths of the table, with one thread a process and 255 edges. The folds, the
other algorithms and the judging are left out: a whole fit learns six times, and the rest works on samples of one size.
**{one}** is `--edges`; **local:N** is `--cluster local:N`. Rounds, in which all take turns: {rounds}. The table
has medians.

**CPU s** is the time of all processes, of which **passes** and **learning** are parts; the rest is start and end.
Figures of **wall** time depend on the other work of the machine; CPU time and memory depend on it less. **memory** is
the maximum resident memory of a process in 10^6 bytes, libraries included (about 300).

{costs}
## Cost as a linear function of the rows

The line through the CPU seconds of the medians, with the least relative errors. **residual** is how far each measured
value lies from the line, from the smallest table to the largest. A kind of fit with fewer than three sizes has no line.

{lines}
{beyond}
## Overhead

CPU time as a multiple of that of {one} in the same round: median, least and most.

{overheads}
## The same model

ROC-AUC on the same {judged:,} other customers, which no fit saw. Their true probabilities reach {best:.5f}.

{models}
## What {cores} cores cannot show

- How wall time falls with more processes: more than {cores} processes share {cores} cores, and the process that was
  started, the operating system and all other work share them, too.
- What a network costs. All processes talk over 127.0.0.1, and read the files from one disk's cache.
- Whether memory bandwidth limits many processes on one machine.
- What a cluster of machines of different speed does: the processes of a group wait for the slowest at each level of a
  tree.
"""


@dataclass(frozen=True)
class Run:
    """One fit."""

    round: int
    """0 for the largest table, which is not part of the rounds."""
    rows: int
    trees: int
    kind: str
    cpu_seconds: float
    seconds: float
    stage_seconds: dict[str, float]
    stage_cpu_seconds: dict[str, float]
    main_mb: float
    worker_mb: list[float]
    trees_sha256: str
    roc_auc: float
    best_roc_auc: float


@dataclass(frozen=True)
class Line:
    """CPU seconds as a function of rows."""

    slope: float
    intercept: float
    residuals: list[float]
    """Of each size, relative."""

    def at(self, rows: int) -> float:
        """Return the CPU seconds of so many rows."""
        return self.intercept + self.slope * rows


def write(found: Sequence[Run], *, trees: int, rate: float, judged: int, cores: int) -> str:
    """Return the page, without the description of the machine."""
    in_rounds = [run for run in found if run.round]
    lines = {kind: line(in_rounds, kind) for kind in _kinds(in_rounds)}
    lines = {kind: one for kind, one in lines.items() if len(one.residuals) >= LEAST_SIZES}
    return PAGE.format(
        machine="{machine}",
        one=ONE,
        trees=trees,
        rate=rate,
        judged=judged,
        cores=cores,
        best=found[0].best_roc_auc,
        rounds=len({run.round for run in in_rounds}),
        costs=_costs(found),
        lines=_lines(lines),
        beyond=_beyond([run for run in found if not run.round], lines),
        overheads=_overheads(found),
        models=_models(found),
    )


def line(found: Sequence[Run], kind: str) -> Line:
    """Return the line through the medians of the sizes that has the least relative errors."""
    sizes = _sizes([run for run in found if run.kind == kind])
    rows = np.array(sizes, dtype=float)
    spent = np.array([_median(found, size, kind, lambda run: run.cpu_seconds) for size in sizes])
    if len(rows) == 1:
        return Line(float(spent[0] / rows[0]), 0, [0])
    slope, intercept = np.polyfit(rows, spent, 1, w=1 / spent)
    expected = intercept + slope * rows
    return Line(float(slope), float(intercept), (spent / expected - 1).tolist())


def _costs(found: Sequence[Run]) -> str:
    columns: dict[str, tuple[Callable[[Run], float], int]] = {
        "CPU s": (lambda run: run.cpu_seconds, 1),
        "passes": (lambda run: run.stage_cpu_seconds["passes"], 1),
        "learning": (lambda run: run.stage_cpu_seconds["learning"], 1),
        "rows/CPU s": (lambda run: run.rows / run.cpu_seconds, 0),
        "wall s": (lambda run: run.seconds, 1),
        "passes, wall s": (lambda run: run.stage_seconds["passes"], 1),
        "learning, wall s": (lambda run: run.stage_seconds["learning"], 1),
        "rows/wall s": (lambda run: run.rows / run.seconds, 0),
        "memory, started process": (lambda run: run.main_mb, 0),
    }
    cells = []
    for rows, kind in _cells(found):
        shown = [f"{_median(found, rows, kind, of):,.{digits}f}" for of, digits in columns.values()]
        workers = [mb for run in found if (run.rows, run.kind) == (rows, kind) for mb in run.worker_mb]
        cells.append([f"{kind}, {rows:,} rows", *shown, f"{max(workers):,.0f}" if workers else ""])
    return tables.table(["fit", *columns, "memory, largest worker"], cells)


def _lines(lines: dict[str, Line]) -> str:
    cells = [
        [kind, f"{one.slope * 1e6:.2f}", f"{one.intercept:.1f}", ", ".join(f"{part:+.1%}" for part in one.residuals)]
        for kind, one in lines.items()
    ]
    return tables.table(["fit", "µs a row", "intercept, s", "residual"], cells)


def _beyond(largest: Sequence[Run], lines: dict[str, Line]) -> str:
    """Say what the lines tell of the largest table, which they were not drawn through."""
    told = [
        f"{run.kind} took {run.cpu_seconds:,.0f} s for {run.rows:,} rows, and its line says "
        f"{lines[run.kind].at(run.rows):,.0f} ({run.cpu_seconds / lines[run.kind].at(run.rows) - 1:+.1%})"
        for run in largest
        if run.kind in lines
    ]
    return f"Beyond the lines, once: {'; '.join(told)}.\n" if told else ""


def _overheads(found: Sequence[Run]) -> str:
    ones = {(run.round, run.rows): run.cpu_seconds for run in found if run.kind == ONE}
    cells = []
    for rows, kind in _cells(found):
        runs = [run for run in found if (run.rows, run.kind) == (rows, kind) and (run.round, rows) in ones]
        if kind != ONE and runs:
            ratios = [run.cpu_seconds / ones[run.round, rows] for run in runs]
            stages = [
                median(run.stage_cpu_seconds[name] / one.stage_cpu_seconds[name] for run, one in _paired(runs, found))
                for name in ("passes", "learning")
            ]
            spread = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            cells.append([f"{kind}, {rows:,} rows", spread, *(f"{stage:.2f}" for stage in stages)])
    return tables.table(["fit", "all", "passes", "learning"], cells)


def _paired(runs: Sequence[Run], found: Sequence[Run]) -> list[tuple[Run, Run]]:
    """Return each run with that of one process in its round."""
    return [
        (run, one) for run in runs for one in found if (one.round, one.rows, one.kind) == (run.round, run.rows, ONE)
    ]


def _models(found: Sequence[Run]) -> str:
    cells = []
    for rows in _sizes(found):
        runs = [run for run in found if run.rows == rows]
        digests = {run.trees_sha256 for run in runs}
        told = "one fit only" if len(runs) == 1 else "yes" if len(digests) == 1 else f"no, {len(digests)} different"
        aucs = sorted({f"{run.roc_auc:.5f}" for run in runs})
        below = max(run.best_roc_auc - run.roc_auc for run in runs)
        cells.append([f"{rows:,}", str(len(runs)), " ".join(aucs), f"{below:.5f}", told])
    return tables.table(["rows", "fits", "ROC-AUC", "below the best", "trees equal, byte for byte"], cells)


def _median(found: Sequence[Run], rows: int, kind: str, of: Callable[[Run], float]) -> float:
    return median(of(run) for run in found if (run.rows, run.kind) == (rows, kind))


def _cells(found: Sequence[Run]) -> list[tuple[int, str]]:
    return sorted({(run.rows, run.kind) for run in found}, key=lambda cell: (cell[0], cell[1] != ONE, cell[1]))


def _sizes(found: Sequence[Run]) -> list[int]:
    return sorted({run.rows for run in found})


def _kinds(found: Sequence[Run]) -> list[str]:
    return sorted({run.kind for run in found}, key=lambda kind: (kind != ONE, kind))
