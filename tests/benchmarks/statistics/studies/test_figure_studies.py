"""The studies of the printed figures count what is covered, with few repetitions here."""

import numpy as np
import pytest

from benchmarks.statistics.studies import bounds, calibration, intervals


def test_of_the_calibration_a_bend_is_what_a_line_cannot_correct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "ROWS", (500,))
    monkeypatch.setattr(calibration, "POPULATION_ROWS", 20_000)
    found = calibration.make(repetitions=3)

    truth = {one["model"]: one["truth"] for one in found.raw}
    assert [one["samples"] for one in found.raw] == [3] * len(calibration.SERVED)
    assert truth["calibrated"] == 0
    assert truth["too extreme"] == pytest.approx(0.03, abs=0.02)
    assert all(one["contains_its_estimate"] == 3 for one in found.raw)
    assert "0 of 12 samples had an interval without its own estimate" in found.conclusion


def test_the_error_of_ten_bins_is_over_equally_many_rows() -> None:
    probability = np.random.default_rng(0).random(500)
    churned = (np.random.default_rng(1).random(500) < probability).astype(np.int64)
    tenths = np.argsort(probability).reshape(10, 50)
    by_hand = np.abs(churned[tenths].mean(axis=1) - probability[tenths].mean(axis=1)).mean()
    assert calibration.binned(probability, churned) == pytest.approx(by_hand)


def test_every_figure_and_its_fall_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "ROWS", (500,))
    monkeypatch.setattr(intervals, "POPULATION_ROWS", 20_000)
    monkeypatch.setattr(intervals, "POPULATIONS", 3)
    found = intervals.make(repetitions=4)
    assert [row[0] for row in found.rows] == [one["figure"] for one in found.raw] == list(intervals.METRICS.values())
    sides = [[int(one[name] or 0) for name in ("covered", "too_high", "too_low")] for one in found.raw]
    assert list(map(sum, sides)) == [8] * 10  # both samples of each of four pairs
    assert sum(covered for covered, _, _ in sides) >= 60
    assert [row[5] != "" for row in found.rows] == [True] * 4 + [False] * 6


def test_each_way_to_the_bounds_is_priced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "ROWS", 500)
    monkeypatch.setattr(bounds, "POPULATION_ROWS", 2_000)
    found = bounds.make(seeds=2)
    medium = {(one["model"], one["way"]): one["medium"] for one in found.raw}
    assert medium["as fitted", "prices"] == 0.3
    assert medium["too extreme", "chosen"] == medium["too extreme", "search"]
    assert [row[2][:6] for row in found.rows if row[1] == "prices"] == ["+0.000"] * 3
