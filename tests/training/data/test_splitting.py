"""Every row is a training row or a test row, never both; by time, the test rows are later than the training rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.customer.contract import Labels
from models.features import CONTRACT
from tests.training import random_split
from training.data import datasets, splitting, synthetic, time_column
from training.data.live_errors import HistoryTooShort
from training.data.splitting import Split
from training.data.time_column import TimeColumn
from training.errors import SplitImpossible
from training.settings import FitSettings

ROWS = 500


def outcomes(rows: int = ROWS, *, seed: int = 0, share: float = 0.3) -> Labels:
    return (np.random.default_rng(seed).random(rows) < share).astype(np.int64)


def times(values: object, name: str = "day") -> TimeColumn:
    return time_column.read(pd.Series(values, name=name))


def shuffled_days(seed: int = 1) -> np.ndarray:
    """Days that each came once, the rows in no order."""
    return np.random.default_rng(seed).permutation(ROWS)


def judged(split: Split) -> list[int]:
    return [position for _, held_out in split.folds for position in held_out.tolist()]


def test_of_a_large_fold_as_many_are_held_out_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "JUDGED_ROWS", 50)
    churned, days = outcomes(), shuffled_days()
    few, later = random_split.of(churned, seed=1), splitting.by_time(churned, times(days))
    monkeypatch.undo()
    for kept, all_of_them in zip(few.folds, random_split.of(churned, seed=1).folds, strict=True):
        np.testing.assert_array_equal(kept[0], all_of_them[0])
        assert set(kept[1]) < set(all_of_them[1])
        assert len(set(kept[1])) == 50
        assert list(kept[1]) != sorted(all_of_them[1])[:50]
    learned = days[later.training]
    assert all(learned[kept].max() < learned[held_out].min() for kept, held_out in later.folds)
    assert {len(held_out) for _, held_out in later.folds} == {50}


def test_by_time_the_latest_fifth_is_judged() -> None:
    days = shuffled_days()
    split = splitting.by_time(outcomes(), times(days))
    assert sorted([*split.training, *split.test]) == list(range(ROWS))
    assert set(days[split.test]) == set(range(400, 500))
    periods = "trained on rows from 0 to 399, tested on rows from 400 to 499"
    assert split.told == f"by day, its numbers taken for a count of periods: {periods}"


def test_rows_of_the_border_go_to_the_judged_ones_together() -> None:
    days = shuffled_days() // 30 * 30  # of 500 days those from 390 on hold the last fifth
    split = splitting.by_time(outcomes(), times(days))
    assert days[split.training].max() == 360
    assert (days[split.test].min(), len(split.test)) == (390, 110)


def test_by_time_no_fold_learns_from_what_is_later_than_what_it_judges() -> None:
    days = shuffled_days()
    split = splitting.by_time(outcomes(), times(days))
    learned = days[split.training]
    assert len(split.folds) == splitting.FOLDS
    for kept, held_out in split.folds:
        assert learned[kept].max() < learned[held_out].min()
    for (_, earlier), (_, later) in zip(split.folds, split.folds[1:], strict=False):
        assert learned[earlier].max() < learned[later].min()


def test_by_time_no_training_row_is_judged_twice() -> None:
    split = splitting.by_time(outcomes(), times(shuffled_days()))
    positions = judged(split)
    assert len(set(positions)) == len(positions) == 5 * (400 // 6)
    assert set(positions) <= set(range(400))


def test_numbers_times_and_texts_of_the_same_moments_split_alike() -> None:
    days, churned = shuffled_days(), outcomes()
    moments = pd.to_datetime("2024-01-01") + pd.to_timedelta(days, unit="D")
    numbers, typed, dates, zoned = (
        splitting.by_time(churned, times(values))
        for values in (days, moments, moments.strftime("%Y-%m-%d"), moments.strftime("%Y-%m-%dT12:00:00+02:00"))
    )
    for split in (typed, dates, zoned):
        np.testing.assert_array_equal(split.training, numbers.training)
        np.testing.assert_array_equal(split.test, numbers.test)
    periods = "trained on rows from 2024-01-01 to 2025-02-03, tested on rows from 2025-02-04 to 2025-05-14"
    assert typed.told == dates.told == f"by day: {periods}"
    assert "tested on rows from 2025-02-04 10:00:00 UTC to 2025-05-14 10:00:00 UTC" in zoned.told


def test_numbers_are_ordered_as_numbers_even_as_texts() -> None:
    days = shuffled_days()  # as texts, 99 would come after 400
    split = splitting.by_time(outcomes(), times(days.astype(str)))
    assert set(days[split.test]) == set(range(400, 500))


def test_times_of_several_zones_are_ordered_by_the_moment() -> None:
    east = [f"2024-01-01T00:{minute:02}:00+02:00" for minute in range(60)] * 4  # two hours before the others
    west = [f"2024-01-01T00:{minute:02}:00+00:00" for minute in range(60)]
    split = splitting.by_time(outcomes(300), times(west + east))
    assert sorted(split.test) == list(range(60))


@pytest.mark.parametrize("resolution", ["ns", "us"])
def test_times_of_a_typed_file_are_told_as_times(tmp_path: Path, resolution: str) -> None:
    customers, _ = synthetic.sample(ROWS, seed=5)
    days = pd.date_range("2024-01-01", periods=ROWS, freq="D").astype(f"datetime64[{resolution}]")
    customers.assign(day=days).to_parquet(tmp_path / "rows.parquet")
    dataset = datasets.load(FitSettings(data=str(tmp_path / "rows.parquet"), time_column="day"), CONTRACT)
    assert dataset.times is not None
    split = splitting.by_time(dataset.churned, time_column.read(dataset.times))
    assert sorted(split.test) == list(range(400, 500))
    assert "tested on rows from 2025-02-04" in split.told


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ([7] * 500, "too few rows lie before 7"),
        ([0] * 5 + [1] * 495, "too few rows lie before 1"),
        (["2024-01-01"] * 500, "too few rows lie before 2024-01-01"),
    ],
    ids=["one", "nearly one", "one day"],
)
def test_a_column_with_hardly_any_times_is_named(values: list[object], problem: str) -> None:
    with pytest.raises(SplitImpossible, match=f"--time-column month: {problem}.* Name a column of times") as caught:
        splitting.by_time(outcomes(), times(values, name="month"))
    assert caught.value.column == "month"


@pytest.mark.parametrize("churn", [0, 1])
@pytest.mark.parametrize(
    ("part", "days"),
    [
        ("the latest fifth", range(400, 500)),
        ("a fold", range(70)),  # the first that is learned from
        ("a fold", range(330, 400)),  # the last that is held out
    ],
)
def test_a_part_of_hardly_any_churners_or_stayers_is_refused(churn: int, part: str, days: range) -> None:
    ordered, churned = shuffled_days(), outcomes(share=0.5)
    others = np.flatnonzero(np.isin(ordered, days))
    churned[others] = 1 - churn
    churned[others[:4]] = churn
    with pytest.raises(SplitImpossible, match=f"{part} has fewer than 5 rows of a class"):
        splitting.by_time(churned, times(ordered))


def test_five_of_a_class_in_the_last_fifth_are_enough() -> None:
    days, churned = shuffled_days(), outcomes(share=0.5)
    late = np.flatnonzero(days >= 400)
    churned[late] = 0
    churned[late[:5]] = 1
    assert churned[splitting.by_time(churned, times(days)).test].sum() == 5


@given(
    others=st.integers(0, 200),
    made_at=st.lists(st.integers(0, 1_000), min_size=300, max_size=400),
    delay=st.integers(0, 300),
    seed=st.integers(0, 50),
)
def test_as_known_nothing_is_learned_that_was_not_known_when_what_judges_was_made(
    others: int, made_at: list[int], delay: int, seed: int
) -> None:
    rows, made = others + len(made_at), np.array(made_at, dtype=np.float64)
    known = made + np.random.default_rng(seed).integers(0, delay + 1, len(made))
    try:
        split = splitting.as_known(outcomes(rows, seed=seed), splitting.RowTimes(made, known))
    except HistoryTooShort:
        return
    made_of, known_of = (np.concatenate([np.full(others, -np.inf), of_live]) for of_live in (made, known))
    assert not set(split.training) & set(split.test)
    assert set(range(others)) <= set(split.training)
    assert len(split.test) >= len(made) / 5
    assert known_of[split.training].max() < made_of[split.test].min()
    left_out = np.setdiff1d(np.arange(rows), [*split.training, *split.test])
    assert (known_of[left_out] >= made_of[split.test].min()).all()
    for kept, held_out in ((split.training[part] for part in fold) for fold in split.folds):
        assert known_of[kept].max() < made_of[held_out].min()
        assert held_out.min() >= others
    assert len({*judged(split)}) == len(judged(split)) > 0


def test_as_known_folds_go_forward_and_judge_all_that_is_not_needed_to_begin_with() -> None:
    made = np.arange(600, dtype=np.float64)
    split = splitting.as_known(outcomes(600), splitting.RowTimes(made, made + 20))
    assert split.test.tolist() == list(range(480, 600))
    assert split.training.tolist() == list(range(460))
    assert split.training[split.folds[0][0]].tolist() == list(range(76))
    assert judged(split) == list(range(96, 460))


def test_as_known_a_part_of_hardly_any_churners_or_stayers_is_refused() -> None:
    made, churned = np.arange(600, dtype=np.float64), outcomes(600)
    churned[480:] = 0
    with pytest.raises(HistoryTooShort, match="the test set would have 0 customers who churned and 120 who stayed"):
        splitting.as_known(churned, splitting.RowTimes(made, made))
