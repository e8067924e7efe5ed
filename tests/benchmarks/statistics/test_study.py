"""A study is kept with its raw data, and the page is made from what is kept."""

from pathlib import Path

import pytest

from benchmarks.reporting import record
from benchmarks.statistics import study
from benchmarks.statistics.study import Study


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    coins = Study(
        title="Coins",
        about="Ten coins.",
        columns=("coin", "heads"),
        rows=(("fair", "50.0%"),),
        conclusion="Half of them.",
        raw=[{"coin": "fair", "heads": 5}, {"coin": "bent", "heads": None}],
    )
    study.save("coins", coins)
    return coins


def test_what_is_saved_is_read_back_with_its_raw_data(kept: Study) -> None:
    read = study.load("coins")

    assert (read.title, read.raw) == (kept.title, kept.raw)
    assert [tuple(row) for row in read.rows] == list(kept.rows)


@pytest.mark.usefixtures("kept")
def test_the_page_holds_the_studies_that_were_saved() -> None:
    page = study.page(["dice", "coins"])

    assert page.startswith("## Coins\n\nTen coins.\n\n| coin |")
    assert page.endswith("Half of them.\n")
