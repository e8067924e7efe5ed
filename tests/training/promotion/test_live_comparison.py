"""A trial compares champion and challenger by logged predictions and outcomes."""

import logging
from pathlib import Path

import pytest
import sqlalchemy as sa

from demo.populations import CALM
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from models.log import log_tables
from models.log.log_tables import CHALLENGER_PREDICTIONS
from tests.live_log import DAY, NOW, add
from tests.stores import Shelf

ROWS = 1_500


class Log:
    """A log of customers whom one model answered, and perhaps another predicted in the shadow."""

    def __init__(self, shelf: Shelf, folder: Path) -> None:
        self._shelf = shelf
        self.url = f"sqlite:///{folder / 'predictions.db'}"

    def answer(self, version: str, *, seed: int, shadow: str | None = None, without_outcome: int = 0) -> None:
        customers = CALM.customers(ROWS, seed=seed)
        features = [customer.features for customer in customers]
        made = [NOW - (20 - number / ROWS) * DAY for number in range(ROWS)]
        ids = add(
            self.url,
            features,
            [customer.churned for customer in customers],
            made,
            [at + DAY for at in made],
            has_outcome=[number >= without_outcome for number in range(ROWS)],
            version=version,
            probability=self._score(version, features),
        )
        if shadow:
            said = zip(ids, self._score(shadow, features), strict=True)
            policy = self._shelf.find(shadow).manifest.policy
            rows = [
                {
                    "prediction_id": identity,
                    "model_version": shadow,
                    "churn_probability": probability,
                    "churn_prediction": policy.churns(probability),
                    "risk_tier": policy.tier(probability),
                }
                for identity, probability in said
            ]
            engine = log_tables.connect(self.url)
            with engine.begin() as connection:
                connection.execute(sa.insert(CHALLENGER_PREDICTIONS), rows)
            engine.dispose()

    def repeat(self, *, predictions: int) -> None:
        """Let so many predictions in a row be of the same customer."""
        engine, table = log_tables.connect(self.url), log_tables.PREDICTIONS
        with engine.begin() as connection:
            ids = connection.scalars(sa.select(table.c.prediction_id).order_by(table.c.prediction_id)).all()
            for number, identity in enumerate(ids):
                own = table.c.prediction_id == identity
                digest = f"{number // predictions:032x}"
                connection.execute(sa.update(table).where(own).values(customer_digest=digest))
        engine.dispose()

    def invert(self, *, reported_by: str, share: float) -> None:
        """Add the opposite of the outcomes, by another reporter, of a share of the predictions."""
        engine, outcomes = log_tables.connect(self.url), log_tables.OUTCOMES
        with engine.begin() as connection:
            rows = connection.execute(sa.select(outcomes)).mappings().all()
            inverted = [
                {**row, "reported_by": reported_by, "churned": not row["churned"]}
                for row in rows[: round(len(rows) * share)]
            ]
            connection.execute(sa.insert(outcomes), inverted)
        engine.dispose()

    def _score(self, version: str, features: list[dict[str, float]]) -> list[float]:
        columns = {name: [row[name] for row in features] for name in CONTRACT.names}
        return [float(one) for one in Scorer.of(self._shelf.find(version)).score(CONTRACT.to_matrix(columns))]


@pytest.fixture
def log(shelf: Shelf, tmp_path: Path) -> Log:
    return Log(shelf, tmp_path)


def compare(shelf: Shelf, log: Log, *arguments: str) -> int:
    return shelf.run("compare-live", "--log-url", log.url, *arguments)


def test_a_better_challenger_in_the_shadow_is_found_on_the_same_customers(
    shelf: Shelf, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    shelf.run("challenge", shelf.good)
    log.answer(shelf.bad, seed=1, shadow=shelf.good, without_outcome=100)
    capsys.readouterr()
    assert compare(shelf, log, "--since", "30d") == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{shelf.good} is better than {shelf.bad}: shadow since ")
    assert "  champion   1,500 predictions, 1,400 with an outcome\n" in told
    assert "  challenger 1,500 predictions, 1,400 with an outcome\n" in told
    assert "ROC-AUC" in told
    assert "share of customers in another tier 0." in told


def test_a_customer_counts_once_with_the_first_prediction_that_has_an_outcome(
    shelf: Shelf, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    shelf.run("challenge", shelf.good)
    log.answer(shelf.bad, seed=1, shadow=shelf.good, without_outcome=2)
    log.repeat(predictions=3)
    capsys.readouterr()
    compare(shelf, log, "--since", "30d", "--min-rows", "100")
    told = capsys.readouterr().out
    more = "500 predictions, 500 with an outcome; 1,000 further ones of the same customers do not count\n"
    assert f"  champion   {more}" in told
    assert f"  challenger {more}" in told


def test_a_customer_of_a_canary_counts_once_for_each_model(
    shelf: Shelf, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    shelf.run("challenge", shelf.good, "--mode", "canary", "--share", "0.5")
    log.answer(shelf.bad, seed=1)
    log.answer(shelf.good, seed=2)
    log.repeat(predictions=6)
    capsys.readouterr()
    compare(shelf, log, "--since", "30d", "--min-rows", "100")
    told = capsys.readouterr().out
    assert (
        told.count("500 predictions, 500 with an outcome; 1,000 further ones of the same customers do not count") == 2
    )


def test_a_worse_challenger_in_the_shadow_is_no_reason_to_change(
    shelf: Shelf, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.good)
    shelf.run("challenge", shelf.bad)
    log.answer(shelf.good, seed=1, shadow=shelf.bad)
    assert compare(shelf, log, "--since", "30d") == 1
    assert f"{shelf.bad} is not significantly better than {shelf.good}" in capsys.readouterr().out


def test_a_canary_is_compared_on_customers_of_its_own(
    shelf: Shelf, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    shelf.run("challenge", shelf.good, "--mode", "canary", "--share", "0.5")
    log.answer(shelf.bad, seed=1)
    log.answer(shelf.good, seed=2)
    assert compare(shelf, log, "--since", "30d") == 0
    told = capsys.readouterr().out
    assert f"{shelf.good} is better than {shelf.bad}: canary since " in told
    assert "the champion answers all customers without an id" in told


def test_by_default_only_what_came_after_the_challenger_counts(
    shelf: Shelf, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.serve(shelf.bad)
    shelf.run("challenge", shelf.good)
    log.answer(shelf.bad, seed=1, shadow=shelf.good)
    with caplog.at_level(logging.ERROR):
        assert compare(shelf, log) == 2
    assert f"among the predictions of {shelf.bad}: 0 outcomes, at least 500 are needed" in caplog.text


def test_without_a_challenger_or_a_log_nobody_can_tell(
    shelf: Shelf, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.serve(shelf.bad)
    assert compare(shelf, log) == 2
    assert "there is no challenger" in caplog.text
    shelf.run("challenge", shelf.good)
    assert compare(shelf, log) == 2
    assert "no such prediction log" in caplog.text


def test_only_outcomes_of_trusted_reporters_count_and_disagreement_is_told(
    shelf: Shelf, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    shelf.run("challenge", shelf.good)
    log.answer(shelf.bad, seed=1, shadow=shelf.good)
    log.invert(reported_by="stranger", share=0.5)
    capsys.readouterr()
    assert compare(shelf, log, "--since", "30d", "--min-rows", "100") == 0
    told = capsys.readouterr().out
    assert f"{ROWS:,} predictions, {ROWS // 2:,} with an outcome" in told
    assert f"{ROWS // 2:,} predictions without a known outcome, because reporters disagree" in told
    assert compare(shelf, log, "--since", "30d", "--trusted-reporters", "crm") == 0
    told = capsys.readouterr().out
    assert f"{ROWS:,} predictions, {ROWS:,} with an outcome" in told
    assert "disagree" not in told
    assert compare(shelf, log, "--since", "30d", "--trusted-reporters", "billing") == 2
