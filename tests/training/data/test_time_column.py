"""A time column holds ISO 8601 times, texts of a declared format, or numbers that can be of one clock only."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data import time_column
from training.data.time_column import TimeColumn
from training.errors import SplitImpossible

MONTHS = [f"{month:02}.{year}" for year in (2022, 2023) for month in range(1, 13)]
DAYS = pd.date_range("2022-12-20", periods=60, freq="D")


def read(cells: object, *, form: str | None = None) -> TimeColumn:
    return time_column.read(pd.Series(cells, name="when"), form=form)


def problem_with(cells: Sequence[object], *, form: str | None = None) -> str:
    with pytest.raises(SplitImpossible, match="--time-column when: ") as caught:
        read(cells, form=form)
    return caught.value.problem


def test_months_with_a_point_are_no_numbers_and_the_fitting_format_is_suggested() -> None:
    assert problem_with(MONTHS) == "'01.2022' is not an ISO 8601 time; the values fit --time-format %m.%Y"
    found = read(MONTHS, form="%m.%Y")
    assert (np.diff(found.moments) > 0).all()
    assert found.span(np.arange(24)) == "from 2022-01-01 to 2023-12-01"


@pytest.mark.parametrize("kind", [str, float], ids=["text", "number"])
def test_months_that_lost_a_zero_are_no_numbers_either(kind: type) -> None:
    cells = [kind(month.lstrip("0")) for month in MONTHS]
    assert "of no clock that is known; the values fit --time-format %m.%Y" in problem_with(cells)
    assert (np.diff(read(cells, form="%m.%Y").moments) > 0).all()


@pytest.mark.parametrize("kind", [str, int, float], ids=["text", "integer", "float"])
def test_days_of_eight_digits_are_read_with_the_day_first(kind: type) -> None:
    cells = [kind(f"{day:%d%m%Y}") for day in DAYS]
    for found in (read(cells), read(cells, form="%d%m%Y")):
        assert found.show(found.moments[0]) == "2022-12-20"
        assert (np.diff(found.moments) == 86_400).all()
    assert read(cells).taken_for == "DDMMYYYY"


def test_numbers_of_two_clocks_are_refused_and_both_are_named() -> None:
    assert "can be DDMMYYYY or MMDDYYYY; " in problem_with([1022023, 3042023])
    assert "can be Excel's days or MMYYYY; " in problem_with([32023, 42023])


@pytest.mark.parametrize(
    ("number", "clock", "shown"),
    [
        (1_700_000_000, "seconds since 1970", "2023-11-14 22:13:20 UTC"),
        (1_700_000_000_000, "milliseconds since 1970", "2023-11-14 22:13:20 UTC"),
        (1_700_000_000_000_000, "microseconds since 1970", "2023-11-14 22:13:20 UTC"),
        (1_700_000_000_000_000_000, "nanoseconds since 1970", "2023-11-14 22:13:20 UTC"),
        (19_675, "days since 1970", "2023-11-14"),
        (45_244, "Excel's days", "2023-11-14"),
        (45_244.5, "Excel's days", "2023-11-14 12:00:00 UTC"),
        (20_231_114, "YYYYMMDD", "2023-11-14"),
        (99_991_231, "YYYYMMDD", "9999-12-31"),
        (14_112_023, "DDMMYYYY", "2023-11-14"),
        (11_142_023, "MMDDYYYY", "2023-11-14"),
        (202_311, "YYYYMM", "2023-11-01"),
        (112_023, "MMYYYY", "2023-11-01"),
        (2_023, "YYYY", "2023-01-01"),
        (23, "a count of periods", "23"),
    ],
)
@pytest.mark.parametrize("as_text", [True, False], ids=["text", "number"])
def test_a_number_of_one_clock_is_read_and_the_clock_is_named(
    number: float, clock: str, shown: str, *, as_text: bool
) -> None:
    found = read([str(number) if as_text else number] * 2)
    assert (found.taken_for, found.show(found.moments[0])) == (clock, shown)


@pytest.mark.parametrize("number", [-5, 0.5, 5_000, 20_231_314, 20_230_229, 500_000, 1e300, float("inf")])
def test_a_number_of_no_clock_is_refused(number: float) -> None:
    assert "of no clock that is known" in problem_with([number])


@given(st.dates(date(1973, 3, 4), date(2099, 12, 31)))
def test_every_day_is_the_same_day_however_it_is_written(day: date) -> None:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    forms = (f"{day:%Y-%m-%d}", f"{day:%Y%m%d}", int(f"{day:%Y%m%d}"), f"{day:%Y-%m-%d} 00:00 UTC", int(at.timestamp()))
    assert {read([form]).moments[0] for form in (*forms, day, at)} == {at.timestamp()}


@pytest.mark.parametrize(
    "cells",
    [
        ["2026-11-29", "9999-12-31"],
        ["20261129", "99991231"],
        [date(2026, 11, 29), date(9999, 12, 31)],
        np.array(["2026-11-29", "9999-12-31"], dtype="M8[us]"),
    ],
    ids=["text", "digits", "dates", "times"],
)
def test_the_far_end_of_time_is_the_latest_time(cells: object) -> None:
    assert read(cells).span(np.arange(2)) == "from 2026-11-29 to 9999-12-31"


def test_a_month_of_iso_8601_is_its_first_day_and_zones_count() -> None:
    found = read(["2026-11", "2026-11-01T00:00:00", "2026-11-01T02:00+02:00", "2026-11-01 00:00 UTC"])
    assert set(found.moments) == {datetime(2026, 11, 1, tzinfo=UTC).timestamp()}


@pytest.mark.parametrize(
    ("cells", "form", "problem"),
    [
        (["2024-01-01", "soon"], None, "'soon' is not an ISO 8601 time"),
        (
            ["31.12.2024", "1.2.2024"],
            None,
            "'31.12.2024' is not an ISO 8601 time; the values fit --time-format %d.%m.%Y",
        ),
        (
            ["1/2/2024"],
            None,
            "'1/2/2024' is not an ISO 8601 time; the values fit --time-format %d/%m/%Y or --time-format %m/%d/%Y",
        ),
        (["2024-01-01"], "%d.%m.%Y", "'2024-01-01' is not a time in the format %d.%m.%Y"),
        (["2024-01-01", None], None, "the time is missing in 1 of 2 rows"),
        ([1.0, None], None, "the time is missing in 1 of 2 rows"),
        ([True, False], None, "'True' is not an ISO 8601 time"),
    ],
    ids=["a word", "day first", "two formats", "another format", "no text", "no number", "yes and no"],
)
def test_what_is_no_time_is_named_with_the_formats_that_fit(
    cells: list[object], form: str | None, problem: str
) -> None:
    assert problem_with(cells, form=form) == problem


def test_the_usual_format_of_the_source_is_used_where_it_fits() -> None:
    months = pd.Series(["02.2026", "01.2026"], name="when")
    assert time_column.read(months, usual_form="%m.%Y").moments.tolist() == read(months, form="%m.%Y").moments.tolist()
    ordered = pd.Series(["1", "2", "12"], name="when")
    assert time_column.read(ordered, usual_form="%m.%Y").moments.tolist() == [1, 2, 12]
    days = pd.Series(["2026-01-02"], name="when")
    assert time_column.read(days, usual_form="%m.%Y").moments.tolist() == read(days).moments.tolist()
    with pytest.raises(SplitImpossible, match=r"'soon' is not a time in the format %m\.%Y"):
        time_column.read(pd.Series(["02.2026", "soon"], name="when"), usual_form="%m.%Y")
