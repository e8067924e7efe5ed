"""A logged prediction is computed again: equal, different, or it cannot be told, each with its reason."""

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from models.bundles.explainer import Explainer
from models.bundles.scorer import Scorer
from models.customer import reasons
from models.customer.contract import Contract
from models.features import CONTRACT
from models.log import log_tables, migrations
from models.log.log_tables import PREDICTIONS
from models.log.partitions.weeks import Week
from monitoring.archive import archiving
from tests import predictions
from tests.changed_contract import after, priced_in
from tests.live_log import NOW
from tests.stores import Shelf
from training import __main__ as program
from training.replay import replaying
from training.replay.settings import ReplaySettings

CUSTOMER = CONTRACT.example


@dataclass(frozen=True)
class Answered:
    """A prediction in a log, as a service wrote it."""

    shelf: Shelf
    url: str
    identity: str

    def replay(self, *words: str) -> int:
        return self.shelf.run("replay", self.identity, "--log-url", self.url, *words)

    def after(self, contract: Contract) -> replaying.Replay:
        """Replay with a contract of a later day."""
        settings = ReplaySettings(
            prediction=self.identity,
            log_url=self.url,
            models_dir=self.shelf.models_dir,
            output_dir=self.shelf.folder,
        )
        return replaying.replay(settings, contract=contract)

    def change(self, **values: Any) -> None:
        engine = log_tables.connect(self.url)
        with engine.begin() as connection:
            connection.execute(sa.update(PREDICTIONS).values(**values))
        engine.dispose()


@pytest.fixture
def answered(shelf: Shelf, tmp_path: Path) -> Answered:
    found, url = shelf.find(shelf.good), f"sqlite:///{tmp_path / 'predictions.db'}"
    [score] = Scorer.of(found).score(CONTRACT.to_matrix(pd.DataFrame([CUSTOMER]))).tolist()
    row = predictions.row(CUSTOMER, score, at=NOW, version=shelf.good, policy=found.manifest.policy)
    engine = log_tables.connect(url, create=True)
    migrations.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(PREDICTIONS), [row])
    engine.dispose()
    return Answered(shelf, url, row["prediction_id"])


def test_a_prediction_is_computed_again_bit_for_bit(
    answered: Answered, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answered.replay("--report", str(tmp_path / "deep" / "replay.json")) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"prediction {answered.identity} is the same when it is computed again\n")
    assert "verified by the history of the pin" in told
    found = json.loads((tmp_path / "deep" / "replay.json").read_text())
    assert found["is_equal"]
    assert found["features"] == CUSTOMER
    parts = ["probability", "decision", "risk tier", "sum of the contributions"]
    assert [check["part"] for check in found["checks"]] == parts
    assert found["checks"][0]["note"] == "bit for bit"
    assert found["reasons"]


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"churn_probability": 0.123}, "probability, sum of the contributions"),
        ({"churn_prediction": sa.not_(PREDICTIONS.c.churn_prediction)}, "decision"),
        ({"risk_tier": "other"}, "risk tier"),
        ({"features": CUSTOMER | {"tenure_months": 70, "contract_type": 2}}, "probability"),
    ],
    ids=["probability", "decision", "tier", "inputs"],
)
def test_a_row_that_was_changed_differs(
    changes: dict[str, Any], differing: str, answered: Answered, capsys: pytest.CaptureFixture[str]
) -> None:
    answered.change(**changes)
    assert answered.replay() == 1
    told = capsys.readouterr().out
    assert told.startswith(f"prediction {answered.identity} differs: ")
    assert set(differing.split(", ")) <= set(told.splitlines()[0].partition("differs: ")[2].split(", "))
    assert "DIFFERENT, recorded " in told


def test_an_exported_week_is_as_good_as_the_log(
    answered: Answered, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    engine, archive = log_tables.connect(answered.url), tmp_path / "archive"
    archiving.export(engine, archive, Week.of(NOW).later(1).start)
    with engine.begin() as connection:
        connection.execute(sa.delete(PREDICTIONS))
    engine.dispose()
    assert answered.replay("--live", str(archive)) == 0
    assert f"found in {archive}" in capsys.readouterr().out
    with caplog.at_level(logging.ERROR):
        assert answered.replay() == 2
        assert "and the log is empty. Check --log-url, and name the folder of exported weeks with --live" in caplog.text
        assert answered.shelf.run("replay", "0" * 32, "--live", str(archive)) == 2
        assert "its week would be the file predictions-1969-12-29.parquet, which is not there" in caplog.text
        other = answered.identity[:-1] + ("0" if answered.identity[-1] != "0" else "1")
        assert answered.shelf.run("replay", other, "--live", str(archive)) == 2
        assert f"has no prediction {other}: the week has other predictions. Check the id." in caplog.text
        [path] = archive.iterdir()
        path.write_bytes(b"PAR1 and no more")
        assert answered.replay("--live", str(archive)) == 2
        assert "Restore the file from a backup." in caplog.text


def test_a_row_that_was_pruned_or_never_logged_is_told_apart(
    answered: Answered, caplog: pytest.LogCaptureFixture
) -> None:
    early, late = (predictions.draw_ids(NOW + timedelta(days=days), 1)[0] for days in (-100, 1))
    with caplog.at_level(logging.ERROR):
        assert answered.shelf.run("replay", early, "--log-url", answered.url) == 2
        assert "`prune` has probably deleted it. If the weeks were exported, name their folder" in caplog.text
        assert answered.shelf.run("replay", late, "--log-url", answered.url) == 2
        assert "so `prune` did not delete it. Check the id, and whether the service lost rows then" in caplog.text


@pytest.mark.parametrize(
    ("digest", "told"),
    [("a" * 64, "only a keyed digest of its inputs"), (None, "none of its inputs")],
    ids=["hashed", "none"],
)
def test_without_its_inputs_a_prediction_cannot_be_told(
    digest: str | None, told: str, answered: Answered, caplog: pytest.LogCaptureFixture
) -> None:
    answered.change(features=None, inputs_digest=digest)
    with caplog.at_level(logging.ERROR):
        assert answered.replay() == 2
    assert f"the log has {told} of prediction {answered.identity}" in caplog.text


def test_a_model_that_only_mlflow_has_is_read_there_and_not_stored(answered: Answered) -> None:
    shutil.rmtree(answered.shelf.models_dir / "store" / answered.shelf.good)
    assert answered.replay() == 0
    assert not (answered.shelf.models_dir / "store" / answered.shelf.good).exists()


def test_a_model_that_nobody_has_is_named_with_where_it_may_be(
    answered: Answered, caplog: pytest.LogCaptureFixture
) -> None:
    answered.change(model_version="20200101-" + "a" * 32)
    with caplog.at_level(logging.ERROR):
        assert answered.replay() == 2
    assert f"model 20200101-{'a' * 32} is neither in {answered.shelf.models_dir}" in caplog.text
    assert "from an image that served it" in caplog.text


def test_an_mlflow_that_is_not_there_is_not_made(answered: Answered, tmp_path: Path) -> None:
    answered.change(model_version="20200101-" + "a" * 32)
    nowhere = tmp_path / "nowhere"
    words = ("--log-url", answered.url, "--models-dir", str(answered.shelf.models_dir), "--output-dir", str(nowhere))
    assert program.main(["replay", answered.identity, *words, "--tracking-uri", f"sqlite:///{nowhere}/mlflow.db"]) == 2
    assert not nowhere.exists()


@pytest.mark.parametrize("words", [(), ("--live", ".")], ids=["log", "archive"])
@pytest.mark.parametrize("identity", ["f" * 32, "e677d21fdc00" + "0" * 20], ids=["last", "year 10000"])
def test_an_id_with_an_impossible_time_is_no_prediction(
    identity: str, words: tuple[str, ...], answered: Answered, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert answered.shelf.run("replay", identity, "--log-url", answered.url, *words) == 2
    assert f"no prediction {identity}: by its id, it was made after the year 9999. Check the id." in caplog.text


def test_a_model_with_another_content_than_was_published_is_refused(
    answered: Answered, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    (answered.shelf.models_dir / "history.jsonl").unlink()
    assert answered.replay() == 0
    assert "verified by the digits of its version" in capsys.readouterr().out
    path = answered.shelf.models_dir / "store" / answered.shelf.good / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with caplog.at_level(logging.ERROR):
        assert answered.replay() == 2
    assert "SHA-256" in caplog.text


def test_the_contract_may_have_changed_in_any_way_since(answered: Answered) -> None:
    for contract, told in (
        (after(renamed={"monthly_charges": "charges"}), "since the training, charges was renamed from monthly_charges"),
        (priced_in("cent"), "since the training, monthly_charges is in cent, and was in USD"),
        (after(without=["support_tickets"]), "since the training, support_tickets was removed"),
    ):
        found = answered.after(contract)
        assert found.is_equal
        assert found.checks[0].note == "bit for bit"
        assert told in found.notes
        assert found.notes[-1] == "the customer was encoded by the contract in the bundle, not by the one of today"


def test_a_row_of_a_later_contract_is_read_as_its_model_knew_it(answered: Answered) -> None:
    later = after(renamed={"monthly_charges": "charges"})
    answered.change(features={later.names_of_today.get(name, name): value for name, value in CUSTOMER.items()})
    found = answered.after(later)
    assert found.is_equal
    answered.change(features={name: value for name, value in CUSTOMER.items() if name != "support_tickets"})
    removed = answered.after(after(without=["support_tickets"]))
    assert any(note.startswith("the row has no support_tickets") for note in removed.notes)
    assert not any("support ticket" in reason for reason in removed.reasons)


def _answer(answered: Answered, **changes: Any) -> dict[str, Any]:
    engine = log_tables.connect(answered.url)
    with engine.connect() as connection:
        row = connection.execute(sa.select(PREDICTIONS)).mappings().one()
    engine.dispose()
    names = ("prediction_id", "churn_probability", "churn_prediction", "risk_tier", "model_version")
    return {name: row[name] for name in names} | changes


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: {"predictions": [one]}], ids=["one", "batch"])
def test_the_answer_that_a_client_kept_is_compared_too(
    wrap: Callable[[dict[str, Any]], dict[str, Any]],
    answered: Answered,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(wrap(_answer(answered))))
    assert answered.replay("--answer", str(path)) == 0
    path.write_text(json.dumps(wrap(_answer(answered, risk_tier="none"))))
    assert answered.replay("--answer", str(path)) == 1
    assert f"prediction {answered.identity} differs: answered risk tier\n" in capsys.readouterr().out
    with caplog.at_level(logging.ERROR):
        for content, told in (("{", "EOF"), (json.dumps(wrap(_answer(answered, prediction_id="1"))), "no prediction")):
            path.write_text(content)
            assert answered.replay("--answer", str(path)) == 2
            assert told in caplog.text


def _explanation(answered: Answered, **changes: Any) -> dict[str, Any]:
    found = answered.after(CONTRACT)
    return {"reasons": list(found.reasons), "contributions": dict(found.contributions)} | changes


def _raw_contributions(answered: Answered) -> dict[str, float]:
    found = answered.shelf.find(answered.shelf.good)
    [raw] = Explainer.of(found).explain(CONTRACT.to_matrix(pd.DataFrame([CUSTOMER]))).by_feature.tolist()
    return dict(zip(CONTRACT.names, raw, strict=True))


def test_a_kept_explanation_is_proved_with_all_its_fields(
    answered: Answered, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right, first, path = _explanation(answered), CONTRACT.names[0], tmp_path / "answer.json"
    own, said = right["contributions"], right["reasons"]
    turned = said[0].replace("raises", "LOWERS").replace("lowers", "raises").replace("LOWERS", "lowers")
    contributions, words = "answered contributions", "answered reasons"
    for changes, differing in (
        ({}, ""),
        ({"contributions": _raw_contributions(answered)}, ""),
        ({"contributions": own | {"added_later": 0.0}}, ""),
        ({"contributions": own | {"surname": 0.1}}, contributions),
        ({"contributions": dict.fromkeys(own, 9.9)}, contributions),
        ({"contributions": own | {first: 100 * own[first]}}, contributions),
        ({"contributions": {name: value for name, value in own.items() if name != first}}, contributions),
        ({"contributions": {}}, contributions),
        *(({"contributions": {name: scale * own[name] for name in own}}, contributions) for scale in (-1, 1e-6, 100)),
        ({"reasons": ["because of your surname"]}, words),
        ({"reasons": [*said[:-1], "because of your surname raises the risk"]}, words),
        ({"reasons": []}, words),
        ({"reasons": said[:-1]}, words),
        ({"reasons": said[::-1]}, words),
        ({"reasons": [turned, *said[1:]]}, words),
    ):
        path.write_text(json.dumps(_answer(answered, explanation=right | changes)))
        assert answered.replay("--answer", str(path)) == (1 if differing else 0), changes
        told = capsys.readouterr().out.splitlines()[0]
        assert told.endswith(f" differs: {differing}" if differing else " is the same when it is computed again")


def test_other_words_for_the_same_fields_in_the_same_direction_are_no_difference(
    answered: Answered, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answered.shelf.find(answered.shelf.good)
    plain = replace(CONTRACT, features=tuple(replace(feature, phrase="") for feature in CONTRACT.features))
    served = (
        Explainer.of(found).explain(CONTRACT.to_matrix(pd.DataFrame([CUSTOMER]))).served(found.manifest.calibration)
    )
    said = reasons.of(plain, CUSTOMER, served.by_feature[0].tolist(), score=float(served.scores[0]))
    right, path = _explanation(answered), tmp_path / "answer.json"
    assert said != right["reasons"]
    path.write_text(json.dumps(_answer(answered, explanation=right | {"reasons": said})))
    assert answered.replay("--answer", str(path)) == 0
    assert "the same fields in the same direction, in other words" in capsys.readouterr().out
