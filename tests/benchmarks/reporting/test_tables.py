"""The figures as tables."""

from collections.abc import Callable

from benchmarks.measuring.batches import Batches
from benchmarks.measuring.rounds import Cell
from benchmarks.measuring.wrk import Load
from benchmarks.reporting import tables


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|\n").split("|")]


def test_numbers_stand_on_the_right_and_columns_are_even() -> None:
    assert tables.table(["server", "MB"], [["a", "1,000"]]) == (
        "| server |    MB |\n"
        "| ------ | ----: |\n"
        "| a      | 1,000 |\n"
    )  # fmt: skip


def test_every_server_has_a_row_for_each_number_of_connections(make_cell: Callable[..., Cell]) -> None:
    cells = [make_cell(server, connections=many) for server in ("a", "b") for many in (1, 1_000)]
    rows = [cells_of(line)[:2] for line in tables.loads(cells).splitlines()[2:]]
    assert rows == [["a", "1"], ["a", "1,000"], ["b", "1"], ["b", "1,000"]]


def test_a_row_tells_answers_times_and_refusals_apart(make_cell: Callable[..., Cell]) -> None:
    cell = make_cell(seconds=2, answers=5_000, refused=1_010, shed=1_000, late=3, p50_ms=1.234, p99_ms=2_000)
    row = cells_of(tables.loads([cell]).splitlines()[2])
    assert row == ["service", "10", "1,995", "1.23", "2.00", "over 2,000", "500", "10", "3", "100", "0.0"]


def test_batches_are_told_in_rows_and_singles_in_milliseconds(make_load: Callable[..., Load]) -> None:
    rounds = [
        Batches(1, {1: 150_000.0}, {1: 190_000.0}, make_load(p99_ms=3), make_load(p99_ms=30), make_load(answers=4)),
        Batches(2, {1: 170_000.0}, {1: 210_000.0}, make_load(p99_ms=5), make_load(p99_ms=50), make_load(answers=8)),
    ]
    rows = [cells_of(line) for line in tables.batches(rounds).splitlines()]
    assert ["1,000 rows, 1 at a time", "160,000", "150,000", "170,000"] in rows
    assert ["1,000 rows, 1 at a time, no log", "200,000", "190,000", "210,000"] in rows
    assert ["10,000 rows, beside single predictions", "30,000", "20,000", "40,000"] in rows
    assert ["alone", "100", "1.00", "4.00", "5.00"] in rows
    assert ["beside batches of 10,000", "100", "1.00", "40.00", "50.00"] in rows
