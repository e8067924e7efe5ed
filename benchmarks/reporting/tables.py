"""Formats the figures as Markdown tables, which are also readable in a terminal."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from benchmarks.measuring.batches import LARGE_ROWS, ROWS, SINGLES_CONNECTIONS, Batches
from benchmarks.measuring.rounds import Cell
from benchmarks.measuring.wrk import TIMEOUT_SECONDS, Load
from benchmarks.reporting import summary
from benchmarks.reporting.summary import Spread, connections, over_rounds, ratio, servers, spread

_COLUMNS: Mapping[str, Callable[[Cell], float]] = {
    "requests/s": lambda cell: cell.load.answered_per_second,
    "p50 ms": lambda cell: cell.load.p50_ms,
    "p95 ms": lambda cell: cell.load.p95_ms,
    "p99 ms": lambda cell: cell.load.p99_ms,
    "shed/s": lambda cell: cell.shed / cell.load.seconds,
    "failed": lambda cell: cell.failed,
    "over 2 s": lambda cell: cell.load.late,
    "memory MB": lambda cell: cell.resident_mb,
    "log behind s": lambda cell: cell.log_behind_seconds,
}


def facts(described: Mapping[str, str]) -> str:
    """Return a list of facts."""
    return "".join(f"- {name}: {fact}\n" for name, fact in described.items())


def loads(cells: Sequence[Cell]) -> str:
    """Return the table of every server at every number of connections: medians over the rounds."""
    columns = _COLUMNS.items()
    rows = [
        [server, f"{many:,}", *(_shown(name, over_rounds(cells, server, many, of).median) for name, of in columns)]
        for server in servers(cells)
        for many in connections(cells)
    ]
    return table(["server", "connections", *_COLUMNS], rows)


def ratios(cells: Sequence[Cell], compared: Sequence[str], yardstick: str) -> str:
    """Return the table of each server's answers per second as a multiple of the yardstick's."""
    rows = [
        [server, f"{many:,}", *_all(ratio(cells, server, yardstick, many), 2)]
        for server in compared
        for many in connections(cells)
    ]
    return table(["server", "connections", "ratio", "min", "max"], rows)


def kept(cells: Sequence[Cell]) -> str:
    """Return the table of each server's share of its peak at the highest number of connections."""
    rows = [[server, *_all(summary.kept(cells, server), 2)] for server in servers(cells)]
    return table(["server", "share", "min", "max"], rows)


def batches(found: Sequence[Batches]) -> str:
    """Return the tables of rows per second, and of single predictions beside batches."""
    rates = [
        [f"{ROWS:,} rows, {many} at a time{words}", *_all(spread([getattr(one, of)[many] for one in found]), 0)]
        for of, words in (("rows_per_second", ""), ("unlogged_rows_per_second", ", no log"))
        for many in found[0].rows_per_second
    ]
    large = spread([LARGE_ROWS * one.large.answered_per_second for one in found])
    rates.append([f"{LARGE_ROWS:,} rows, beside single predictions", *_all(large, 0)])
    singles = [
        _latencies("alone", [one.alone for one in found]),
        _latencies(f"beside batches of {LARGE_ROWS:,}", [one.beside for one in found]),
    ]
    single = f"single predictions, {SINGLES_CONNECTIONS} connections"
    return (
        table(["batches", "rows/s", "min", "max"], rates)
        + "\n"
        + table([single, "requests/s", "p50 ms", "p99 ms", "max p99 ms"], singles)
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format a table; the first column is text, the others are numbers."""
    lines = [head, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "".join(f"| {' | '.join(_aligned(line, widths))} |\n" for line in [head, rule, *lines[1:]])


def _aligned(line: Sequence[str], widths: Sequence[int]) -> Iterable[str]:
    yield line[0].ljust(widths[0])
    yield from (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))


def _latencies(name: str, found: Sequence[Load]) -> list[str]:
    rate, p50 = (spread([getattr(load, of) for load in found]).median for of in ("answered_per_second", "p50_ms"))
    p99 = spread([load.p99_ms for load in found])
    return [name, _number(rate, 0), _shown("p50 ms", p50), _shown("p99 ms", p99.median), _shown("p99 ms", p99.most)]


def _shown(name: str, value: float) -> str:
    milliseconds = name.endswith("ms")
    if milliseconds and value >= TIMEOUT_SECONDS * 1_000:
        return f"over {TIMEOUT_SECONDS * 1_000:,}"
    return _number(value, 2 if milliseconds else 1 if name.endswith(" s") and "over" not in name else 0)


def _all(of: Spread, digits: int) -> list[str]:
    return [_number(value, digits) for value in (of.median, of.least, of.most)]


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"
