"""What the rounds say together."""

import math
from collections.abc import Callable

from benchmarks.measuring.rounds import Cell
from benchmarks.reporting import summary
from benchmarks.reporting.summary import Spread


def test_a_figure_is_the_median_of_its_rounds_with_least_and_most(make_cell: Callable[..., Cell]) -> None:
    cells = [make_cell(number=number, p99_ms=p99) for number, p99 in ((1, 9), (2, 1), (3, 2))]
    cells += [make_cell(server="other", p99_ms=50), make_cell(connections=20, p99_ms=70)]
    assert summary.over_rounds(cells, "service", 10, lambda cell: cell.load.p99_ms) == Spread(2, 1, 9)


def test_a_ratio_is_taken_within_each_round(make_cell: Callable[..., Cell]) -> None:
    answers = {("service", 1): 100, ("empty", 1): 50, ("service", 2): 30, ("empty", 2): 20, ("service", 3): 9}
    cells = [make_cell(server, number, answers=count) for (server, number), count in answers.items()]
    cells.append(make_cell("empty", 3, answers=9))
    assert summary.ratio(cells, "service", "empty", 10) == Spread(1.5, 1, 2)


def test_a_yardstick_that_answers_nothing_gives_no_ratio(make_cell: Callable[..., Cell]) -> None:
    cells = [make_cell("service"), make_cell("empty", answers=0)]
    assert math.isnan(summary.ratio(cells, "service", "empty", 10).median)


def test_what_is_kept_is_measured_against_the_peak_of_the_same_round(make_cell: Callable[..., Cell]) -> None:
    answers = {(1, 1): 10, (1, 50): 100, (1, 1_000): 75, (2, 1): 10, (2, 50): 40, (2, 1_000): 35}
    cells = [make_cell(number=number, connections=many, answers=count) for (number, many), count in answers.items()]
    assert summary.kept(cells, "service") == Spread(0.8125, 0.75, 0.875)


def test_servers_keep_their_order_and_connections_ascend(make_cell: Callable[..., Cell]) -> None:
    cells = [make_cell("b", connections=50), make_cell("a", connections=1), make_cell("b", connections=1)]
    assert (summary.servers(cells), summary.connections(cells)) == (["b", "a"], [1, 50])
