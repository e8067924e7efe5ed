"""The raw files, and what is shown of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import throughput
from benchmarks.measuring.batches import Batches
from benchmarks.measuring.contenders import BARE, EMPTY, OURS, PLAIN
from benchmarks.measuring.rounds import Cell
from benchmarks.measuring.wrk import Load
from benchmarks.peers import __main__ as peers
from benchmarks.reporting import figure, record
from benchmarks.reporting.record import Record


@pytest.fixture
def made(make_cell: Callable[..., Cell], make_load: Callable[..., Load]) -> Record:
    cells = [make_cell(server, connections=many) for server in (OURS, EMPTY, BARE, PLAIN) for many in (1, 50)]
    batches = [Batches(1, {1: 100.0}, {1: 100.0}, make_load(), make_load(), make_load())]
    return Record({"python": "3.11"}, {"rounds": 1, "seconds": 3, "warm_up_seconds": 1}, cells, batches)


def test_a_record_survives_its_file(made: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    record.save(made, "a page", "run")
    assert (record.load("run"), record.load_if_there("other")) == (made, None)


@pytest.mark.parametrize(("name", "write"), [("throughput", throughput.write), ("peers", peers.write)])
def test_a_page_shows_its_raw_file(name: str, write: Callable[[Record], str], root: Path) -> None:
    assert (root / record.FOLDER / f"{name}.md").read_text() == write(record.load(name))


def test_a_peer_that_took_no_part_is_named_with_the_reason(make_cell: Callable[..., Cell]) -> None:
    settings = {"rounds": 1, "seconds": 3}
    page = peers.write(Record({}, settings, [make_cell(EMPTY)], absent={"LitServe": "it did not start."}))
    assert "**LitServe** was not measured: it did not start." in page


def test_equal_figures_are_drawn_in_equal_bytes(made: Record, tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        figure.draw(made, None, to=tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
