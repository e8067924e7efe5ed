"""The gate, rollback and trials after a change of the contract: each model predicts through its own contract."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.bundles import bundle, pins
from models.customer.contract import Contract
from models.customer.history import model_contract
from models.errors import FingerprintMismatch
from tests import changed_contract
from tests.stores import Shelf
from training import pipeline
from training.data import holdout, synthetic
from training.promotion import challengers, gate_report, promotion, rollback
from training.promotion.gate_result import GateResult
from training.settings import ChallengeSettings, FitSettings, PromoteSettings, RollbackSettings

WIDER = changed_contract.after(renamed={"support_tickets": "tickets"})
NARROWER = changed_contract.after(added=[], without=["contract_type"])


def settings(shelf: Shelf, **chosen: object) -> dict[str, object]:
    folders = {"models_dir": shelf.models_dir, "output_dir": shelf.folder / "var", "tracking_uri": shelf.arguments[-1]}
    return folders | chosen


def promote(shelf: Shelf, version: str, contract: Contract) -> GateResult:
    chosen = PromoteSettings.model_validate(settings(shelf, version=version))
    return promotion.promote(chosen, contract=contract)


@pytest.fixture(scope="module")
def trained_today(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a model of the contract without a field."""
    folder = tmp_path_factory.mktemp("today")
    synthetic.sample(4_000, seed=9)[0].to_csv(folder / "today.csv", index=False)
    chosen = {"models_dir": folder / "models", "output_dir": folder / "var", "data": str(folder / "today.csv")}
    pipeline.fit(FitSettings.model_validate(chosen | {"costs": root / "training" / "costs.toml"}), contract=NARROWER)
    return folder / "models"


def test_two_models_from_before_a_change_are_compared_on_the_same_customers(shelf: Shelf) -> None:
    shelf.serve(shelf.bad)
    verdict = promote(shelf, shelf.good, WIDER)
    assert (verdict.promoted, verdict.champion, verdict.note) == (True, shelf.bad, "")
    assert shelf.serving == shelf.good


def test_the_figures_are_those_of_before_the_change(shelf: Shelf) -> None:
    shelf.serve(shelf.good)
    before, after = promote(shelf, shelf.bad, shelf.find(shelf.bad).contract), promote(shelf, shelf.bad, WIDER)
    assert before.rows == after.rows
    assert before.gains == after.gains


def test_test_rows_have_the_names_of_today_and_no_row_of_the_training(shelf: Shelf) -> None:
    models = [bundle.find(shelf.models_dir, version, contract=WIDER) for version in (shelf.good, shelf.bad)]
    plain = [shelf.find(version) for version in (shelf.good, shelf.bad)]
    renamed = holdout.unseen_by_both(models[0], models[1], WIDER)
    known = holdout.unseen_by_both(plain[0], plain[1], plain[0].contract)
    assert list(renamed.features) == list(WIDER.names)
    np.testing.assert_array_equal(renamed.features["tickets"], known.features["support_tickets"])
    np.testing.assert_array_equal(renamed.churned, known.churned)


def test_a_champion_with_a_field_that_is_gone_is_not_compared(shelf: Shelf, trained_today: Path) -> None:
    version = pins.read(trained_today).version
    (trained_today / "store" / version).rename(shelf.models_dir / "store" / version)
    shelf.serve(shelf.bad)
    verdict = promote(shelf, version, NARROWER)
    assert verdict.champion == "a logistic regression"
    assert (
        f"{shelf.bad} was trained with contract_type, which the challenger's test customers do not have" in verdict.note
    )
    assert f"not compared with the champion: {verdict.note}" in gate_report.text(verdict)
    assert "not compared with the champion: " in gate_report.markdown(verdict)
    assert verdict.note in gate_report.summary(verdict)


def test_models_of_a_removed_open_category_are_compared_whatever_levels_they_learned(shelf: Shelf) -> None:
    before = changed_contract.after(added=[changed_contract.COUNTRY])
    described = [feature.schema() | {"labels": []} for feature in before.features]
    older = model_contract.trained(before.fingerprint, described, changed_contract.after(added=[]))
    challenger, champion = (
        replace(shelf.find(version), contract=older.learned({"country": levels}))
        for version, levels in ((shelf.good, {"DE": 9, "FR": 8}), (shelf.bad, {"FR": 9, "PE": 2}))
    )
    assert challenger.contract.absent == {"country"}
    assert holdout.why_incomparable(challenger, champion) is None


def test_a_champion_of_another_unit_is_not_compared_and_the_challenger_is_refused(shelf: Shelf) -> None:
    shelf.serve(shelf.bad)
    verdict = promote(shelf, shelf.good, changed_contract.priced_in("EUR"))
    assert not verdict.promoted
    assert "monthly_charges is in EUR, and was in USD. Declare a new field under a new name" in verdict.reasons[0]
    assert shelf.serving == shelf.bad


@pytest.mark.parametrize("contract", [WIDER, NARROWER], ids=["wider", "narrower"])
def test_an_older_model_can_be_pinned_again_and_tried(shelf: Shelf, contract: Contract) -> None:
    shelf.serve(shelf.good)
    back = RollbackSettings.model_validate(settings(shelf, version=shelf.bad))
    assert rollback.roll_back(back, contract=contract) == shelf.bad
    trial = ChallengeSettings.model_validate(settings(shelf, version=shelf.good))
    assert challengers.start(trial, contract=contract).version == shelf.good


def test_a_model_of_another_unit_cannot_be_pinned_again(shelf: Shelf) -> None:
    shelf.serve(shelf.good)
    back = RollbackSettings.model_validate(settings(shelf, version=shelf.bad))
    with pytest.raises(FingerprintMismatch, match="monthly_charges is in EUR"):
        rollback.roll_back(back, contract=changed_contract.priced_in("EUR"))
    assert shelf.serving == shelf.good
