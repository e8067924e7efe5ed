"""The predictions of one model in a period are read with their outcomes, from SQLite and PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from models.features import CONTRACT
from models.log import log_tables, migrations, row_ids
from models.log.reporters import Trusted
from monitoring.period import Period
from monitoring.quality import labelled_predictions
from monitoring.quality.labelled_predictions import LabelledPredictions, Tier

START = datetime(2026, 3, 1, tzinfo=UTC)
PERIOD = Period(START, START + timedelta(days=1))


class Log:
    """A log to write to and to read from."""

    def __init__(self, url: str) -> None:
        self.engine = log_tables.connect(url, create=True)
        migrations.upgrade(self.engine)
        self._random = np.random.default_rng(0)

    def add(self, rows: int = 1, *, at: datetime = START, **values: Any) -> list[str]:
        """Write predictions of one moment; returns their ids."""
        made = {
            "made_at": at,
            "model_version": "pinned",
            "features": CONTRACT.example,
            "churn_probability": 0.25,
            "churn_prediction": False,
            "risk_tier": "low",
        } | values
        time = row_ids.time_digits(int(at.timestamp() * 1000))
        ids = [f"{time}{self._random.bytes(10).hex()}" for _ in range(rows)]
        with self.engine.begin() as connection:
            connection.execute(sa.insert(log_tables.PREDICTIONS), [{"prediction_id": one} | made for one in ids])
        return ids

    def follow(
        self, ids: list[str], *, churned: bool, after: timedelta = timedelta(days=30), reported_by: str = "crm"
    ) -> None:
        """Write what became of predictions that were made at the start."""
        moments = {"observed_at": START + after, "recorded_at": START + after}
        seen = {"reported_by": reported_by, "churned": churned} | moments
        with self.engine.begin() as connection:
            connection.execute(sa.insert(log_tables.OUTCOMES), [{"prediction_id": one} | seen for one in ids])

    def read(self, *, trusted: Trusted = None) -> LabelledPredictions:
        with self.engine.connect() as connection:
            return labelled_predictions.read(
                connection, PERIOD, model_version="pinned", contract=CONTRACT, trusted=trusted
            )


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    fixture = {"sqlite": "log_url", "postgresql": "postgres_url"}[request.param]
    log = Log(request.getfixturevalue(fixture))
    yield log
    log.engine.dispose()


def test_predictions_and_outcomes_are_counted_by_tier(log: Log) -> None:
    low, high = log.add(5), log.add(3, risk_tier="high", churn_probability=0.9)
    log.follow(low[:1], churned=False)
    log.follow(high[:2], churned=True)
    found = log.read()
    assert found.tiers == {"low": Tier(5, 1), "medium": Tier(0, 0), "high": Tier(3, 2)}
    assert (found.window_rows, found.outcomes_rows) == (8, 3)
    assert sorted(found.probability) == [0.25] * 5 + [0.9] * 3
    pairs = zip(found.outcomes.probability, found.outcomes.churned, strict=True)
    assert sorted(pairs) == [(0.25, 0), (0.9, 1), (0.9, 1)]


def test_each_prediction_counts_once_and_not_where_trusted_reporters_disagree(log: Log) -> None:
    ids = log.add(4)
    log.follow(ids[:3], churned=True)
    log.follow(ids[:1], churned=True, reported_by="app", after=timedelta(days=31))
    log.follow(ids[1:], churned=False, reported_by="stranger", after=timedelta(days=1))
    everybody, trusted = log.read(), log.read(trusted=frozenset({"crm", "app"}))
    assert (everybody.window_rows, everybody.outcomes_rows, everybody.contradicted_rows) == (4, 2, 2)
    assert sorted(everybody.outcomes.churned) == [0, 1]
    assert (trusted.window_rows, trusted.outcomes_rows, trusted.contradicted_rows) == (4, 3, 0)
    assert trusted.outcomes.churned.tolist() == [1, 1, 1]
    assert trusted.median_delay_seconds == timedelta(days=30).total_seconds()


def test_a_customer_counts_once_with_the_first_prediction_that_has_an_outcome(log: Log) -> None:
    stayed = log.add(at=START, customer_digest="a" * 32, churn_probability=0.1)
    log.add(at=START - timedelta(hours=1), customer_digest="a" * 32, churn_probability=0.2)
    churned = log.add(at=START + timedelta(hours=1), customer_digest="a" * 32, churn_probability=0.9, risk_tier="high")
    log.add(at=START, customer_digest="b" * 32, churn_probability=0.5, risk_tier="medium")
    log.add(at=START + timedelta(hours=1), customer_digest="b" * 32, churn_probability=0.6)
    log.add(2)
    log.add(3, customer_digest="a" * 32, model_version="another")
    log.follow(stayed, churned=False)
    log.follow(churned, churned=True)
    found = log.read()
    assert found.tiers == {"low": Tier(3, 1), "medium": Tier(1, 0), "high": Tier(0, 0)}
    assert (found.repeated_rows, found.other_models_rows) == (2, 3)
    assert sorted(found.probability) == [0.1, 0.25, 0.25, 0.5]
    assert (found.outcomes.probability.tolist(), found.outcomes.churned.tolist()) == ([0.1], [0])


def test_only_the_period_and_the_model_count(log: Log) -> None:
    inside = log.add(at=START) + log.add(at=PERIOD.end - timedelta(milliseconds=1))
    outside = log.add(at=START - timedelta(milliseconds=1)) + log.add(at=PERIOD.end)
    other = log.add(4, model_version="another")
    log.follow(inside + outside + other, churned=True)
    found = log.read()
    assert (found.window_rows, found.outcomes_rows, found.other_models_rows) == (2, 2, 4)
    assert len(found.outcomes.churned) == 2


def test_features_are_read_as_the_contract_encodes_them(log: Log) -> None:
    log.follow(log.add(features=CONTRACT.example | {"total_charges": None, "contract_type": 2}), churned=True)
    assert {name: values.tolist() for name, values in log.read().outcomes.features.items()} == {
        "tenure_months": [4.0],
        "monthly_charges": [89.5],
        "total_charges": [pytest.approx(np.nan, nan_ok=True)],
        "support_tickets": [3.0],
        "contract_type": [2.0],
    }


def test_features_that_were_not_kept_are_unknown(log: Log) -> None:
    log.follow(log.add(2, features=None, inputs_digest="0" * 64), churned=False)
    assert all(np.isnan(values).all() and len(values) == 2 for values in log.read().outcomes.features.values())


def test_the_delay_is_that_of_the_middle_outcome(log: Log) -> None:
    for days in (1, 30, 90):
        log.follow(log.add(), churned=False, after=timedelta(days=days))
    assert log.read().median_delay_seconds == timedelta(days=30).total_seconds()


def test_an_empty_log_has_nothing_to_show(log: Log) -> None:
    found = log.read()
    assert (found.window_rows, found.outcomes_rows, found.median_delay_seconds) == (0, 0, None)
    assert (len(found.probability), len(found.outcomes.churned)) == (0, 0)
    assert set(found.outcomes.features) == set(CONTRACT.names)


def test_of_very_many_rows_all_are_counted_and_a_fair_sample_is_read(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelled_predictions, "SAMPLE_ROWS", 1_000)
    stayed, churned = log.add(3_000), log.add(1_000, churn_probability=0.75)
    log.follow(stayed, churned=False)
    log.follow(churned, churned=True)
    found = log.read()
    assert (found.window_rows, found.outcomes_rows) == (4_000, 4_000)
    assert len(found.probability) == pytest.approx(1_000, abs=100)
    assert len(found.outcomes.churned) == len(found.probability)
    assert found.outcomes.churned.mean() == pytest.approx(0.25, abs=0.05)
