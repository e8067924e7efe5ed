"""Which tables are fitted in parts, and which options refuse it before any work."""

import logging
from pathlib import Path

import pytest

from training.data import synthetic
from training.partitioned import choice
from training.partitioned.errors import EdgesUnsupported
from training.settings import FitSettings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two files of a hundred rows each."""
    rows, _ = synthetic.sample(100, seed=1)
    for name in ("a", "b"):
        rows.to_parquet(tmp_path / f"{name}.parquet", index=False)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    return tmp_path


def edges(**asked: object) -> int | None:
    return choice.edges(FitSettings.model_validate(asked))


def test_a_table_of_too_many_rows_is_fitted_in_parts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "LARGEST_WHOLE_ROWS", 200)
    assert edges(data=str(folder)) is None
    monkeypatch.setattr(choice, "LARGEST_WHOLE_ROWS", 199)
    assert edges(data=str(folder)) == 255
    assert edges(data=str(folder), edges=31) == 31
    assert edges(data=str(folder / "a.parquet")) is None
    assert edges(data=str(folder / "rows.csv")) is None  # its rows are known only when it was read
    assert edges(data=str(folder / "rows.csv"), edges=31) == 31


def test_a_large_table_that_an_option_needs_whole_is_read_whole_with_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(choice, "LARGEST_WHOLE_ROWS", 199)
    with caplog.at_level(logging.WARNING):
        assert edges(data=str(folder), time_column="day") is None
    assert "all 200 rows are held in memory, because --time-column needs" in caplog.text


@pytest.mark.parametrize(
    "asked",
    [
        {"data": "rows.parquet", "time_column": "day"},
        {"data": "rows.parquet,live"},
        {"data": "live"},
        {"data": "synthetic"},
        {"data": "sqlite:///rows.db", "query": "select 1"},
        {"data": "synthetic", "partition_column": "number"},
    ],
    ids=["by time", "with live rows", "live rows", "synthetic", "database without a column", "column of no database"],
)
def test_edges_are_refused_with_what_needs_the_whole_table(asked: dict[str, str]) -> None:
    with pytest.raises(EdgesUnsupported, match="Omit --edges, --cluster and --partition-column, or change"):
        edges(edges=63, **asked)


def test_a_source_that_cannot_be_read_is_told_by_what_reads_it(tmp_path: Path) -> None:
    assert edges(data=str(tmp_path / "missing.parquet")) is None
