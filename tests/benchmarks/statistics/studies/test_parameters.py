"""The study of the parameters of a plain fit finds what it should on a table of a known shape."""

import pytest

from benchmarks.statistics import table_shapes
from benchmarks.statistics.studies import parameters


def test_deep_trees_win_where_there_are_many_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(table_shapes.SHAPES, "many regions", (2_000, table_shapes.many_regions))
    found = parameters.make(["many regions"], tables=1)

    [raw], [row] = found.raw, found.rows
    assert (raw["preset"], raw["rows"]) == ("deep", 2_000)
    assert float(raw["usual_behind_low"] or 0) > 0 > float(raw["chosen_behind_low"] or 0)
    assert float(raw["fresh_gain"] or 0) > 0.005
    assert row[:3] == ("many regions", "2,000", "deep 1")
    assert "surely ahead of the usual parameters on 1 of 1 tables, and of the chosen preset on 0" in found.conclusion
