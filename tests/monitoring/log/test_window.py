"""All rows of a window are counted, and its sample is uniform, in SQLite and in PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from models.log import log_tables, migrations, row_ids
from models.log.errors import LogUnreadable
from monitoring.log import window
from monitoring.period import Period

Draw = Callable[[int, int], pd.DataFrame]
Keep = Callable[..., None]

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MORNING = Period(NOON - HOUR, NOON)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, log_url: str) -> str:
    """The address of an empty log of either kind."""
    found: str = log_url if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    return found


def test_only_the_rows_of_the_period_are_found(url: str, keep: Keep, customers: Draw) -> None:
    for rows, at in (
        (3, MORNING.start - timedelta(milliseconds=1)),
        (5, MORNING.start),
        (7, MORNING.end - timedelta(milliseconds=1)),
        (11, MORNING.end),
    ):
        keep(customers(rows, rows), at=at, url=url)
    found = window.read(url, MORNING, rows=100)
    assert (found.rows, len(found.sample)) == (12, 12)
    charges = {row.features["monthly_charges"] for row in found.sample}
    assert charges == {*customers(5, 5)["monthly_charges"], *customers(7, 7)["monthly_charges"]}


def test_a_sample_is_as_large_as_asked_for_and_fair(url: str, keep: Keep, customers: Draw) -> None:
    keep(customers(20_000, 2), at=MORNING.start, url=url)
    keep(customers(20_000, 3), at=MORNING.end - HOUR / 4, version="later", url=url)
    found = window.read(url, MORNING, rows=2_000)
    later = sum(row.model_version == "later" for row in found.sample)
    assert (found.rows, len(found.sample)) == (40_000, 2_000)
    assert abs(later - 1_000) < 4 * 500**0.5
    assert np.mean([row.features["monthly_charges"] for row in found.sample]) == pytest.approx(70, abs=3)


def test_a_customer_counts_once_with_the_newest_prediction_and_rows_without_a_digest_each(
    url: str, keep: Keep, customers: Draw
) -> None:
    digests = ["a" * 32, "b" * 32, None]
    for seed, at in ((1, MORNING.start), (2, MORNING.start + HOUR / 2), (3, MORNING.end)):  # the last one is later
        keep(customers(3, seed), at=at, digests=digests, url=url)
    found = window.read(url, MORNING, rows=100)
    assert (found.rows, found.customers) == (6, 4)
    charges = {(row.customer_digest or "")[:1]: row.features["monthly_charges"] for row in found.sample}
    assert {name: charges[name] for name in "ab"} == dict(zip("ab", customers(3, 2)["monthly_charges"], strict=False))
    assert sum(row.customer_digest is None for row in found.sample) == 2


def test_customers_are_sampled_fairly_however_often_they_are_predicted(url: str, keep: Keep, customers: Draw) -> None:
    often, once = ([f"{number:032x}" for number in range(start, start + 2_000)] for start in (0, 2_000))
    for seed in range(5):
        keep(customers(2_000, seed), at=MORNING.start + seed * HOUR / 6, digests=often, version="often", url=url)
    keep(customers(2_000, 9), at=MORNING.start, digests=once, version="once", url=url)
    found = window.read(url, MORNING, rows=1_000)
    assert (found.rows, found.customers, len(found.sample)) == (12_000, 4_000, 1_000)
    assert len({row.customer_digest for row in found.sample}) == 1_000
    assert abs(sum(row.model_version == "once" for row in found.sample) - 500) < 4 * 250**0.5


def test_requests_are_summed_over_the_period(url: str, keep: Keep, customers: Draw) -> None:
    keep(customers(1, 1), at=MORNING.start, url=url)
    rows = [
        {
            "traffic_id": row_ids.first_id(MORNING.start + at * HOUR),
            "counted_at": MORNING.start + at * HOUR,
            "answered_requests": 100,
            "refused_requests": 4,
            "refused_fields": {"tenure_months": 4},
            "dropped_rows": 1,
        }
        for at in (-0.1, 0, 0.5, 1)
    ]
    engine = log_tables.connect(url)
    with engine.begin() as connection:
        connection.execute(sa.insert(log_tables.TRAFFIC), rows)
    engine.dispose()
    assert window.read(url, MORNING, rows=10).traffic == window.Traffic(200, 8, 2, {"tenure_months": 8})


def test_an_empty_log_has_nothing_of_any_period(url: str) -> None:
    engine = log_tables.connect(url, create=True)
    migrations.upgrade(engine)
    engine.dispose()
    assert window.read(url, MORNING, rows=10) == window.Window(0, 0, [], window.Traffic(0, 0, 0, {}))


def test_a_database_without_our_tables_is_said_with_the_remedy(url: str) -> None:
    engine = log_tables.connect(url, create=True)
    engine.connect().close()
    engine.dispose()
    with pytest.raises(LogUnreadable, match=r"predictions.*python -m monitoring migrate"):
        window.read(url, MORNING, rows=10)


def test_a_server_that_does_not_answer_is_said_without_its_password() -> None:
    with pytest.raises(LogUnreadable, match="Start the database") as caught:
        window.read("postgresql://churn:secret@127.0.0.1:9/churn", MORNING, rows=10)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "predictions.db"
    path.write_text("not a database " * 100)
    with pytest.raises(LogUnreadable, match="file is not a database"):
        window.read(f"sqlite:///{path}", MORNING, rows=10)
