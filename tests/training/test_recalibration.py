"""A changed churn rate is repaired: performance proposes a map, recalibrate publishes it, and the gate passes it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.bundles import bundle, pins
from models.bundles.explainer import Explainer
from models.bundles.format.bundle_files import BOOSTER, GRAPH, REFERENCE, SEEN
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from monitoring import performance_job
from monitoring.settings import PerformanceSettings
from tests import changed_contract, live_log
from tests.stores import Shelf
from training.data import datasets, holdout, synthetic
from training.promotion import promotion
from training.recalibration import outcome_split, recalibration, report
from training.recalibration.errors import OtherContract, TooFewOutcomes
from training.recalibration.recalibration import Published
from training.recalibration.settings import RecalibrateSettings
from training.settings import PromoteSettings

ROWS, RATE = 2_500, 0.5


def shifted(rows: int = ROWS, *, rate: float = RATE, seed: int = 11) -> pd.DataFrame:
    """Draw customers whose churners and stayers look as ever, with another share of churners."""
    table = synthetic.sample(6 * rows, seed=seed)[0]
    left, stayed = (table[table["churned"] == one] for one in (1, 0))
    churners = round(rows * rate)
    parts = left.sample(churners, random_state=seed), stayed.sample(rows - churners, random_state=seed)
    return pd.concat(parts).sample(frac=1, random_state=seed).reset_index(drop=True)


def folders(shelf: Shelf) -> dict[str, object]:
    return {"models_dir": shelf.models_dir, "output_dir": shelf.folder / "var", "tracking_uri": shelf.arguments[-1]}


def log(shelf: Shelf, url: str, table: pd.DataFrame, *, has_outcome: bool) -> None:
    features = table[list(CONTRACT.names)].astype(object).where(table[list(CONTRACT.names)].notna(), None)
    made = [live_log.NOW - (20 - number / len(table)) * live_log.DAY for number in range(len(table))]
    live_log.add(
        url,
        [{str(name): cell for name, cell in row.items()} for row in features.to_dict("records")],
        table["churned"].astype(bool).tolist(),
        made,
        [at + live_log.DAY for at in made],
        has_outcome=[has_outcome] * len(table),
        version=shelf.serving,
        probability=Scorer.of(shelf.find(shelf.serving)).score(CONTRACT.to_matrix(table)).tolist(),
    )


def judge(shelf: Shelf, url: str) -> dict[str, object]:
    output = shelf.folder / "monitor"
    settings = {"log_url": url, "models_dir": shelf.models_dir, "output_dir": output, "trusted_reporters": "crm"}
    performance_job.run_performance(PerformanceSettings.model_validate(settings))
    found: dict[str, object] = json.loads(max((output / "reports").glob("*-performance.json")).read_text())
    shutil.rmtree(output)
    return found


@pytest.fixture(scope="module")
def repaired(fitted: Shelf, tmp_path_factory: pytest.TempPathFactory) -> tuple[Shelf, Published, dict[str, object]]:
    """A shelf whose champion was recalibrated on the log, and what performance had said before."""
    folder = tmp_path_factory.mktemp("repaired")
    shutil.copytree(fitted.models_dir, folder / "models")
    (folder / "var").mkdir()
    shutil.copy(fitted.folder / "var" / "mlflow.db", folder / "var")
    shelf, url = Shelf(folder, fitted.good, fitted.bad), f"sqlite:///{folder / 'predictions.db'}"
    shelf.serve(shelf.good)
    log(shelf, url, shifted(), has_outcome=True)
    said = judge(shelf, url)
    settings = RecalibrateSettings.model_validate(folders(shelf) | {"log_url": url, "trusted_reporters": "crm"})
    return shelf, recalibration.recalibrate(settings), said


def test_performance_proposes_the_map_and_its_saving(repaired: tuple[Shelf, Published, dict[str, object]]) -> None:
    _, _, said = repaired
    proposal = said["recalibration"]
    assert isinstance(proposal, dict)
    assert proposal["proposed"]
    assert (proposal["unit"], proposal["map"]["slope"]) == ("USD a customer", pytest.approx(1, abs=0.15))
    assert proposal["map"]["intercept"] == pytest.approx(np.log(0.5 / 0.5) - np.log(0.255 / 0.745), abs=0.25)
    assert proposal["remark"].endswith("USD a customer: python -m training recalibrate --trusted-reporters crm")
    assert 1 < proposal["saved"]["low"] < proposal["saved"]["value"] < proposal["saved"]["high"] < 7
    shift = proposal["without_outcomes"]
    assert shift["rate"]["low"] < RATE < shift["rate"]["high"]


def test_without_outcomes_the_scores_alone_tell_the_churn_rate_and_the_assumption(
    shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.good)
    log(shelf, url := f"sqlite:///{tmp_path / 'log.db'}", shifted(), has_outcome=False)
    found = judge(shelf, url)
    said = capsys.readouterr().out
    assert (found["exit_code"], found["live"]) == (2, None)
    assert "churn rate from scores alone: 0." in said
    assert "if churners and stayers still look as in training, and only their shares changed; a new intercept" in said


def test_the_bundle_has_the_same_trees_and_rows_that_neither_trees_nor_map_saw(
    repaired: tuple[Shelf, Published, dict[str, object]],
) -> None:
    shelf, published, _ = repaired
    champion, new = shelf.find(shelf.good), published.bundle
    for name in (GRAPH, BOOSTER, REFERENCE):
        assert new.manifest.files[name] == champion.manifest.files[name]
    how = new.manifest.recalibrated
    assert how is not None
    assert (how.version, how.trained_rows) == (shelf.good, 12_000)
    assert how.first_made_at is not None
    rows, seen = holdout.read(new, CONTRACT), np.load(new.path(SEEN))
    assert not np.isin(holdout.traces(CONTRACT.to_matrix(rows.features)), seen).any()
    assert set(np.load(champion.path(SEEN))) < set(seen)
    assert new.manifest.data.rows - 10 < len(rows.churned) + how.outcomes <= new.manifest.data.rows
    assert len(rows.churned) / new.manifest.data.rows == pytest.approx(0.5, abs=0.05)
    live = new.manifest.data.live
    assert live is not None
    assert live.reported is not None
    assert live.reported.test_rows == {"crm": len(rows.churned)}
    text = " ".join(new.path("MODEL_CARD.md").read_text().split())
    assert f"Recalibrated from `{shelf.good}` on {how.outcomes:,} outcomes between 20" in text
    assert "judged on" in report.describe(published)


def test_probabilities_follow_the_outcomes_and_contributions_stay_exact(
    repaired: tuple[Shelf, Published, dict[str, object]],
) -> None:
    shelf, published, _ = repaired
    table = shifted(2_000, seed=99)
    matrix, left = CONTRACT.to_matrix(table), table["churned"].to_numpy()
    before, after = (Scorer.of(one).score(matrix) for one in (shelf.find(shelf.good), published.bundle))
    assert before.mean() < RATE - 0.1
    assert after.mean() == pytest.approx(left.mean(), abs=0.03)
    contributions = Explainer.of(published.bundle).explain(matrix)
    raw = 1 / (1 + np.exp(-contributions.raw_scores))
    np.testing.assert_allclose(published.bundle.manifest.calibration.apply(raw), after, atol=1e-5)


def test_the_bounds_are_those_of_the_prices(repaired: tuple[Shelf, Published, dict[str, object]]) -> None:
    policy = repaired[1].bundle.manifest.policy
    assert (policy.threshold, policy.medium_from, policy.high_from) == (0.3, 0.3, 0.7)
    assert policy.costs is not None


def test_the_gate_promotes_it_and_decisions_cost_less(
    repaired: tuple[Shelf, Published, dict[str, object]],
) -> None:
    shelf, published, _ = repaired
    version = published.bundle.manifest.version
    verdict = promotion.promote(PromoteSettings.model_validate(folders(shelf) | {"version": version}))
    assert verdict.reasons == []
    assert verdict.gains["cost"].better_by.value > 0
    assert verdict.gains["brier"].better_by.low > 0
    assert verdict.gains["roc_auc"].better_by.value == pytest.approx(0, abs=1e-6)
    assert pins.read(shelf.models_dir).version == version


def test_rows_that_the_champion_was_trained_on_do_not_count(shelf: Shelf, fitted: Shelf, tmp_path: Path) -> None:
    shelf.serve(shelf.good)
    pd.read_csv(fitted.folder / "good.csv").head(500).to_csv(tmp_path / "few.csv", index=False)
    settings = RecalibrateSettings.model_validate(folders(shelf) | {"data": str(tmp_path / "few.csv")})
    with pytest.raises(TooFewOutcomes, match="Rows that the champion was trained on do not count"):
        recalibration.recalibrate(settings)


def test_a_row_stays_on_its_side_when_the_table_grows(shelf: Shelf, tmp_path: Path) -> None:
    shelf.serve(shelf.good)
    few, many = tmp_path / "few.csv", tmp_path / "many.csv"
    table = shifted(1_200)
    table.head(700).to_csv(few, index=False)
    table.to_csv(many, index=False)
    champion = bundle.load(shelf.models_dir, contract=CONTRACT)
    found = []
    for path in (few, many):
        settings = RecalibrateSettings.model_validate(folders(shelf) | {"data": str(path)})
        dataset = datasets.load(settings.of_fit, champion.today)
        found.append(outcome_split.split(dataset, champion).split)
    smaller, larger = found
    assert set(smaller.training) == {row for row in larger.training.tolist() if row < 700}
    assert set(smaller.test) == {row for row in larger.test.tolist() if row < 700}


def test_a_champion_of_another_contract_is_refused(shelf: Shelf) -> None:
    shelf.serve(shelf.good)
    wider = changed_contract.after(renamed={"support_tickets": "tickets"})
    with pytest.raises(OtherContract, match="the contract has changed since the training of"):
        recalibration.recalibrate(RecalibrateSettings.model_validate(folders(shelf)), contract=wider)
