"""Attack: a client reports false outcomes, so that the next model answers the wrong way round.

The stranger asks for predictions and reports the opposite of what would become of the customers. Its rows are in the
test set, too, so the gate would find the inverted model better.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from demo.populations import CALM
from models.bundles import bundle, pins
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from models.log import known_outcomes, log_tables
from monitoring.imports import importing
from monitoring.imports.report_kinds import OUTCOMES
from monitoring.settings import ImportOutcomesSettings
from tests.live_log import NOW, add
from training import __main__ as program
from training.promotion import model_lookup

OURS, THEIRS = 450, 4_100
HIGH_RISK = {
    "tenure_months": 1,
    "monthly_charges": 110.0,
    "total_charges": 110.0,
    "support_tickets": 6,
    "contract_type": 0,
}


def fill(url: str, rows: int, *, days_ago: tuple[float, float], inverted: bool, reported_by: str, seed: int) -> None:
    """Write predictions between two days, with outcomes an hour later, into the log."""
    customers = CALM.customers(rows, seed=seed)
    first, last = days_ago
    made = [NOW - timedelta(days=first + (last - first) * number / rows) for number in range(rows)]
    known = [at + timedelta(hours=1) for at in made]
    churned = [customer.churned != inverted for customer in customers]
    features = [customer.features for customer in customers]
    add(url, features, churned, made, known, has_outcome=[True] * rows, reported_by=reported_by)


@pytest.fixture(scope="module")
def log_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A log with three months of a trusted reporter, and of a stranger who reports nine times as much."""
    url = f"sqlite:///{tmp_path_factory.mktemp('log') / 'predictions.db'}"
    fill(url, OURS, days_ago=(90, 1), inverted=False, reported_by="crm", seed=1)
    fill(url, THEIRS, days_ago=(90, 1), inverted=True, reported_by="stranger", seed=2)
    return url


class Trainer:
    """Who fits on the log and lets the gate decide, with models of its own."""

    def __init__(self, models_dir: Path, log_url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._log_url, self._models_dir, self._capsys = log_url, models_dir, capsys
        self._folders = ["--models-dir", str(models_dir), "--output-dir", str(models_dir / "var")]
        self._folders += ["--tracking-uri", f"sqlite:///{models_dir / 'mlflow.db'}"]

    def fit(self, *words: str) -> str:
        assert program.main(["fit", "--data", "live", "--log-url", self._log_url, *words, *self._folders]) == 0
        return self._capsys.readouterr().out

    def promote(self, *words: str) -> tuple[int, str]:
        code = program.main(["promote", "--min-rows", "80", *words, *self._folders])
        return code, self._capsys.readouterr().out

    @property
    def serving(self) -> str:
        return pins.read(self._models_dir).version

    @property
    def challenger(self) -> str:
        return model_lookup._newest(self._models_dir, but=None)

    def ask(self, version: str) -> float:
        """Return a model's probability for the customer of high risk."""
        model = bundle.find(self._models_dir, version, contract=CONTRACT)
        [probability] = Scorer.of(model).score(CONTRACT.to_matrix(pd.DataFrame([HIGH_RISK]))).tolist()
        return float(probability)


@pytest.fixture
def trainer(shelf: Path, log_url: str, capsys: pytest.CaptureFixture[str]) -> Trainer:
    return Trainer(shelf, log_url, capsys)


@pytest.mark.shipped_model
def test_the_gate_refuses_a_model_that_learned_from_a_stranger_and_names_it(trainer: Trainer) -> None:
    champion, rows = trainer.serving, OURS + THEIRS
    told = trainer.fit()
    assert f"stranger           {THEIRS / rows:.1%} of {rows:,} rows, " in told
    assert trainer.ask(champion) > 0.8
    assert trainer.ask(trainer.challenger) < 0.3  # the attack would work

    code, told = trainer.promote()
    assert (code, trainer.serving) == (1, champion)
    assert f"because stranger reported {THEIRS / rows:.1%} of the live rows" in told
    assert told.count("because") == 1  # nothing else holds it up


@pytest.mark.shipped_model
def test_a_fit_on_a_trusted_reporter_learns_nothing_from_a_stranger(trainer: Trainer) -> None:
    told = trainer.fit("--trusted-reporters", "crm")
    assert f"crm               100.0% of {OURS:,} rows, 100.0% of the test set" in told
    assert "stranger" not in told
    assert trainer.ask(trainer.challenger) > 0.8

    code, told = trainer.promote()
    assert code in (0, 1, 2)  # a model of few customers need not be better, and few rows need not tell
    assert "crm reported" not in told
    assert trainer.ask(trainer.serving) > 0.8


def test_who_saw_a_prediction_first_cannot_lock_out_its_owner(
    launch: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite:///{tmp_path / 'predictions.db'}"
    service = launch("--log-url", url, "--output-dir", str(tmp_path))
    body = json.dumps({"customers": [CONTRACT.example] * 2})
    made = json.loads(service.ask("POST", "/predict/batch", body)[1])["predictions"]
    first, second = [one["prediction_id"] for one in made]

    def report(identity: str, *, churned: bool) -> int:
        outcome = {"prediction_id": identity, "churned": churned, "observed_at": datetime.now(UTC).isoformat()}
        until = time.monotonic() + 120
        while (status := service.ask("POST", "/outcomes", json.dumps(outcome))[0]) == 503:  # not in the log yet
            assert time.monotonic() < until
            time.sleep(0.1)
        return int(status)

    assert report(first, churned=False) == 200
    file = tmp_path / "crm.csv"
    day = datetime.now(UTC).date().isoformat()
    file.write_text(f"prediction_id,churned,observed_at\n{first},yes,{day}\n{second},yes,{day}\n")
    told = importing.run(ImportOutcomesSettings(file=file, log_url=url, reported_by="crm"), OUTCOMES)
    assert told.startswith("recorded 2 outcomes of 2 rows")
    assert f"{first}: crm reports churned, against anonymous" in caplog.text
    assert report(second, churned=False) == 200
    assert report(second, churned=True) == 409
    assert 'churn_outcomes_contradicted_total{reported_by="anonymous"} 1.0' in service.ask("GET", "/metrics")[1]

    engine = log_tables.connect(url)
    with engine.connect() as connection:
        known = known_outcomes.select(frozenset({"crm"}))
        assert {row.prediction_id: row.churned for row in connection.execute(sa.select(known))} == {
            first: True,
            second: True,
        }
    engine.dispose()
    [line] = [line for line in map(json.loads, service.stop()) if line["message"] == "outcome contradicted"]
    assert (line["logger"], line["prediction_id"], line["churned"]) == ("audit", second, False)
    assert (line["reported_by"], line["contradicts"]) == ("anonymous", ["crm"])
