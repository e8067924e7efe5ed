"""One contender under load."""

from collections.abc import Callable

import pytest

from benchmarks.measuring import rounds
from benchmarks.measuring.rounds import Cell

EXPOSED = """\
# HELP http_requests_shed_total Refused.
http_requests_shed_total{reason="queue"} 3.0
http_requests_shed_total{reason="connections"} 1e+02
http_requests_shed_total_since 7.0
http_requests_total 9.0
"""


@pytest.mark.parametrize(
    ("name", "count"), [("http_requests_shed_total", 103), ("http_requests_total", 9), ("absent_total", 0)]
)
def test_a_counter_is_the_sum_of_its_children_and_of_no_other(name: str, count: int) -> None:
    assert rounds.read_metric(EXPOSED, name) == count


def test_what_was_shed_has_not_failed(make_cell: Callable[..., Cell]) -> None:
    assert make_cell(refused=10, shed=8, broken=1).failed == 3


def test_requests_shed_after_the_load_ended_make_no_negative_failures(make_cell: Callable[..., Cell]) -> None:
    assert make_cell(refused=10, shed=12).failed == 0
