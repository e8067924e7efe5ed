"""What the rounds say together: the median of each figure, and the ratio of two servers.

A ratio is taken within each round, where both met the same state of the machine.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.measuring.rounds import Cell


@dataclass(frozen=True)
class Spread:
    """A figure over the rounds."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """Sum up the values of all rounds."""
    return Spread(median(values), min(values), max(values))


def over_rounds(cells: Sequence[Cell], server: str, connections: int, figure: Callable[[Cell], float]) -> Spread:
    """Sum up one figure of a server at one number of connections."""
    return spread([figure(cell) for cell in cells if (cell.server, cell.connections) == (server, connections)])


def ratio(cells: Sequence[Cell], server: str, yardstick: str, connections: int) -> Spread:
    """Sum up how many times the yardstick's answers a second a server gives; NaN where the yardstick gave none."""
    rates = {
        (cell.round, cell.server): cell.load.answered_per_second for cell in cells if cell.connections == connections
    }
    numbers = sorted({number for number, _ in rates})
    return spread([rates[number, server] / (rates[number, yardstick] or math.nan) for number in numbers])


def kept(cells: Sequence[Cell], server: str) -> Spread:
    """Sum up which share of its peak a server still answers at the most connections."""
    rates = {(cell.round, cell.connections): cell.load.answered_per_second for cell in cells if cell.server == server}
    peaks = {number: max(rates[number, many] for many in connections(cells)) for number, _ in rates}
    most = connections(cells)[-1]
    return spread([rates[number, most] / (peak or math.nan) for number, peak in peaks.items()])


def servers(cells: Sequence[Cell]) -> list[str]:
    """Name the servers, in the order in which they were measured."""
    return list(dict.fromkeys(cell.server for cell in cells))


def connections(cells: Sequence[Cell]) -> list[int]:
    """List the numbers of connections, ascending."""
    return sorted({cell.connections for cell in cells})
