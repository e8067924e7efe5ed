"""Counts of all rows have the distances of the rows themselves, and a sample gives the same verdict."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.bundles import bundle
from models.features import CONTRACT
from monitoring.drift import baseline, live_rows
from monitoring.drift.baseline import Baseline
from monitoring.drift.drift_detection import detect
from monitoring.drift.live_rows import LiveRows
from monitoring.drift.row_counts import PREDICTION
from monitoring.settings import DriftSettings

Draw = Callable[[int, int], pd.DataFrame]
Change = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]

ROWS, SAMPLE_ROWS = 60_000, 10_000


def shifted(column: str, deviations: float) -> Change:
    return lambda rows, _: rows.assign(**{column: rows[column] + deviations * rows[column].std()})


def some(column: str, share: float, value: object) -> Change:
    def change(rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
        return rows.assign(**{column: rows[column].mask(random.random(len(rows)) < share, value)})

    return change


def late(rows: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """Change the last fifth alone, as a change in the course of the day does."""
    last = np.arange(len(rows)) >= 0.8 * len(rows)
    return rows.assign(monthly_charges=rows["monthly_charges"] + 40 * last)


CASES: dict[str, Change] = {
    "calm": lambda rows, _: rows,
    "a shift too small to matter": shifted("monthly_charges", 0.05),
    "a shift": shifted("monthly_charges", 0.3),
    "a shift the other way": shifted("monthly_charges", -0.3),
    "a large shift": shifted("tenure_months", 1.0),
    "a shift of what the model ignores": shifted("total_charges", 1.0),
    "more tickets": shifted("support_tickets", 0.5),
    "few of another contract": some("contract_type", 0.02, 0),
    "many of another contract": some("contract_type", 0.4, 0),
    "few silent": some("total_charges", 0.0005, np.nan),
    "many silent": some("tenure_months", 0.2, np.nan),
    "all silent": some("monthly_charges", 2, np.nan),
    "a frozen column": some("support_tickets", 2, 1),
    "a new category": some("contract_type", 0.1, 9),
    "a change late in the day": late,
    "twins": lambda rows, _: pd.concat([rows.head(ROWS // 2)] * 2),
    "ordered": lambda rows, _: rows.sort_values("monthly_charges"),
}


@pytest.fixture
def learned(shelf: Path) -> Baseline:
    return baseline.load(bundle.load(shelf, contract=CONTRACT), CONTRACT, rows=50_000)


def write_parts(rows: pd.DataFrame, folder: Path) -> Path:
    """Write a folder whose first file has several chunks, and the others a few rows."""
    folder.mkdir()
    for number, part in enumerate(np.split(np.arange(len(rows)), [52_000, 52_001, 58_000])):
        rows.iloc[part].to_parquet(folder / f"part-{number}.parquet")
    return folder


@pytest.mark.parametrize("case", CASES)
def test_counts_of_a_folder_rows_at_once_and_a_sample_come_to_the_same_verdict(
    learned: Baseline, customers: Draw, tmp_path: Path, case: str
) -> None:
    rows = CASES[case](customers(ROWS, 2), np.random.default_rng(3))
    settings = DriftSettings(live=write_parts(rows, tmp_path / "live"), sample_rows=SAMPLE_ROWS)
    counted = live_rows.read(settings, learned, datetime.now(UTC))
    at_once = LiveRows("rows", rows.assign(**{PREDICTION: learned.predict(rows)}), ROWS)
    by_counts, by_rows, by_sample = (
        detect(learned, live, settings)[1] for live in (counted, at_once, replace(counted, counts=None))
    )
    assert [one.judged_rows for one in (by_counts, by_rows, by_sample)] == [ROWS, ROWS, SAMPLE_ROWS]
    counts, rows_at_once = (replace(one, joint=None, unclassified=None) for one in (by_counts, by_rows))  # of a sample
    assert replace(counts, reason=rows_at_once.reason) == rows_at_once  # each distance to the last digit
    for sampled in (by_rows, by_sample):
        assert sampled.verdict == by_counts.verdict
        assert {score.column for score in sampled.drifted} == {score.column for score in by_counts.drifted}
