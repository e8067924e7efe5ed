"""Summarizes the rounds: the median of each figure, and the ratio of two servers.

A ratio is computed within each round, since both servers met the same state of the machine there.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.measuring.rounds import Cell


@dataclass(frozen=True)
class Spread:
    """Median, minimum and maximum of a figure over the rounds."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """Summarize the values of all rounds."""
    return Spread(median(values), min(values), max(values))


def over_rounds(cells: Sequence[Cell], server: str, connections: int, figure: Callable[[Cell], float]) -> Spread:
    """Summarize one figure of a server at one number of connections."""
    return spread([figure(cell) for cell in cells if (cell.server, cell.connections) == (server, connections)])


def ratio(cells: Sequence[Cell], server: str, yardstick: str, connections: int) -> Spread:
    """Summarize a server's answers per second as a multiple of the yardstick's; NaN where the yardstick gave none."""
    rates = {
        (cell.round, cell.server): cell.load.answered_per_second for cell in cells if cell.connections == connections
    }
    numbers = sorted({number for number, _ in rates})
    return spread([rates[number, server] / (rates[number, yardstick] or math.nan) for number in numbers])


def kept(cells: Sequence[Cell], server: str) -> Spread:
    """Summarize a server's answers per second at the highest number of connections, as a share of its peak."""
    rates = {(cell.round, cell.connections): cell.load.answered_per_second for cell in cells if cell.server == server}
    peaks = {number: max(rates[number, many] for many in connections(cells)) for number, _ in rates}
    most = connections(cells)[-1]
    return spread([rates[number, most] / (peak or math.nan) for number, peak in peaks.items()])


def servers(cells: Sequence[Cell]) -> list[str]:
    """Return the names of the servers, in the order in which they were measured."""
    return list(dict.fromkeys(cell.server for cell in cells))


def connections(cells: Sequence[Cell]) -> list[int]:
    """Return the numbers of connections, ascending."""
    return sorted({cell.connections for cell in cells})
