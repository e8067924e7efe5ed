"""A fit on live rows: it improves the model after customers changed, and the bundle describes its live rows."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from sklearn.metrics import roc_auc_score

from demo.populations import SHIFTED, Customer
from models.bundles.bundle import Bundle
from models.bundles.format.provenance import LiveRows
from models.bundles.manifest import Description, Manifest
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from tests.descriptions import describe
from tests.live_log import DAY, NOW, add
from training import pipeline, report
from training.card import live_rows, model_card
from training.data import datasets
from training.data.live_errors import HistoryTooShort
from training.pipeline import Published
from training.settings import FitSettings

ROWS = 3_000


def score(model: Bundle, customers: list[Customer]) -> list[float]:
    table = pd.DataFrame([customer.features for customer in customers])
    scores: list[float] = Scorer.of(model).score(CONTRACT.to_matrix(table)).tolist()
    return scores


def roc_auc(model: Bundle, customers: list[Customer]) -> float:
    return float(roc_auc_score([customer.churned for customer in customers], score(model, customers)))


@pytest.fixture(scope="module")
def retraining(settings: FitSettings, published: Published, tmp_path_factory: pytest.TempPathFactory) -> FitSettings:
    """Settings of a fit on three months of changed customers whom the model of the calm ones had answered."""
    folder = tmp_path_factory.mktemp("retraining")
    customers = SHIFTED.customers(ROWS, seed=3)
    made = [NOW - (90 - number * 85 / ROWS) * DAY for number in range(ROWS)]
    known = [number % 3 != 0 for number in range(ROWS)]
    add(
        f"sqlite:///{folder / 'predictions.db'}",
        [customer.features for customer in customers],
        [customer.churned for customer in customers],
        made,
        [at + timedelta(days=4) for at in made],
        has_outcome=known,
        version=published.bundle.manifest.version,
        probability=score(published.bundle, customers),
    )
    changes = {"data": "live", "log_url": f"sqlite:///{folder / 'predictions.db'}", "models_dir": folder / "models"}
    return FitSettings.model_validate(settings.model_dump() | changes)


@pytest.fixture(scope="module")
def retrained(retraining: FitSettings) -> Published:
    return pipeline.fit(retraining)


def test_who_learned_from_changed_customers_knows_fresh_ones_better(published: Published, retrained: Published) -> None:
    fresh = SHIFTED.customers(4_000, seed=99)
    stale, learned = roc_auc(published.bundle, fresh), roc_auc(retrained.bundle, fresh)
    assert learned > stale + 0.05
    promised = retrained.bundle.manifest.intervals["roc_auc"]
    assert promised.low - 0.02 < learned < promised.high + 0.02


def test_the_bundle_says_what_it_was_made_of(published: Published, retrained: Published) -> None:
    manifest = retrained.bundle.manifest
    known = manifest.data.live
    assert known is not None
    assert manifest.data.source == "live(predictions.db)"
    assert (manifest.data.rows, known.rows, known.predictions, known.outcomes) == (2_000, 2_000, ROWS, 2_000)
    assert known.models == {published.bundle.manifest.version: 2_000}
    assert sum(manifest.confusion.model_dump().values()) == 400
    assert 60 < known.left_out_rows < 130  # four days of eighty-five
    assert manifest.split.startswith("by time: tested on live rows from ")
    assert known.days_until_known == {"churned": 4, "stayed": 4}
    text = " ".join(retrained.bundle.path("MODEL_CARD.md").read_text().split())
    assert "2,000 of these customers were predicted by the service" in text
    assert "33% have no outcome" in text
    assert known.reported is not None
    assert (known.reported.rows, known.reported.test_rows) == ({"crm": 2_000}, {"crm": 400})
    assert "| crm | 2,000 | 100.0% | 400 | 100.0% |" in retrained.bundle.path("MODEL_CARD.md").read_text()
    assert "not the outcomes of customers who were left alone" in text
    reference = pd.read_parquet(retrained.bundle.path("reference.parquet"))
    assert len(reference) == 2_000 - 400 - known.left_out_rows


def test_mlflow_keeps_what_is_known_of_live_rows(retrained: Published, retraining: FitSettings) -> None:
    run = MlflowClient(retraining.mlflow).get_run(retrained.run_id)
    assert run.data.params["live_rows"] == "2000"
    assert run.data.params["live_outcome_known_when"] == "recorded"
    assert run.data.params["data_source"] == "live(predictions.db)"
    assert run.inputs is not None
    assert run.inputs.dataset_inputs[0].dataset.digest == retrained.bundle.manifest.data.sha256[:16]


def test_the_same_log_gives_the_same_model(retrained: Published, retraining: FitSettings, tmp_path: Path) -> None:
    again = pipeline.fit(retraining.model_copy(update={"models_dir": tmp_path / "models"}))
    assert again.bundle.manifest.files == retrained.bundle.manifest.files
    assert again.bundle.manifest.version[-8:] == retrained.bundle.manifest.version[-8:]


def described(published: Published, **changes: object) -> Manifest:
    known = LiveRows.model_validate(
        {
            "rows": 1_000,
            "first_made_at": NOW - 90 * DAY,
            "last_made_at": NOW,
            "left_out_rows": 100,
            "predictions": 1_250,
            "outcomes": 1_000,
            "newest_outcome_share": 0.8,
            "older_outcome_share": 0.8,
            "without_inputs": 0,
            "other_contract": 0,
            "models": {"v1": 900, "v2": 100},
            "canary_rows": 50,
            "outcome_known_when": "recorded",
            "mature_after_days": 0.0,
            "days_until_known": {"churned": 10, "stayed": 12},
        }
        | changes
    )
    manifest = published.bundle.manifest
    return manifest.model_copy(update={"data": manifest.data.model_copy(update={"live": known})})


def test_the_card_tells_the_share_of_canary_answers(published: Published) -> None:
    told = " ".join(model_card.write(described(published)).split())
    assert (
        "Models that answered: `v1` 900, `v2` 100. According to the history of the pin, 5.0% of the answers came from a"
        in told
    )


def test_card_and_report_tell_who_reported_the_outcomes(published: Published) -> None:
    reported = {
        "trusted": ["crm", "app|2"],
        "rows": {"app|2": 250, "crm": 750},
        "test_rows": {"crm": 200},
        "contradicted_predictions": 12,
    }
    description = described(published, reported=reported)
    card = model_card.write(description)
    assert "| crm | 750 | 75.0% | 200 | 100.0% |\n| app\\|2 | 250 | 25.0% | 0 | 0.0% |" in card
    assert "Only outcomes from `crm`, `app|2` counted. 12 of the 1,250 predictions were left out" in " ".join(
        card.split()
    )
    bundle = replace(published.bundle, manifest=description)
    told = report.describe(Published(bundle, published.run_id, published.link, pinned=True))
    assert "crm                75.0% of 1,000 rows, 100.0% of the test set" in told
    assert "app|2              25.0% of 1,000 rows,   0.0% of the test set" in told
    assert "12 predictions left out: reporters gave both outcomes" in told


def test_a_manifest_from_before_reporters_is_read_and_written_as_it_is(published: Published) -> None:
    description = described(published)
    written = description.model_dump_json(include={"data"})
    assert "reported" not in written
    assert "reporter" not in model_card.write(description)
    assert "reported the outcome" not in report.describe(
        Published(replace(published.bundle, manifest=description), published.run_id, published.link, pinned=True)
    )


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({}, None),
        ({"newest_outcome_share": 0.65}, None),
        ({"newest_outcome_share": 0.6}, "60% of the newest fifth of the predictions have an outcome, 80% of the older"),
        ({"days_until_known": {"churned": 10, "stayed": 30}}, "after 10 days for churners, after 30 for stayers"),
        ({"days_until_known": {"churned": 10, "stayed": 30}, "left_out_rows": 40}, None),
        ({"days_until_known": {"churned": 10, "stayed": 30}, "mature_after_days": 31.0}, None),
    ],
)
def test_what_makes_live_rows_one_sided_is_said_in_card_and_report(
    published: Published, changes: dict[str, object], doubt: str | None
) -> None:
    description = described(published, **changes)
    bundle = replace(published.bundle, manifest=description)
    told = report.describe(Published(bundle, published.run_id, published.link, pinned=True))
    found = live_rows.doubts(description.data.live)
    if doubt is None:
        assert found == []
        assert "  warning   " not in told
    else:
        [sentence] = found
        assert doubt in sentence
        assert f"  warning   {sentence}" in told
        assert doubt in " ".join(model_card.write(description).split())


def test_a_model_without_live_rows_is_described_as_before() -> None:
    plain = describe(CONTRACT)
    assert "live" not in plain.model_dump()["data"]
    assert Description.model_validate(plain.model_dump()) == plain
    assert live_rows.write(plain) == []


def test_customers_who_leave_early_are_noticed_and_left_out_on_request(retraining: FitSettings, tmp_path: Path) -> None:
    """Who left is known after two days, who stayed after thirty: the newest rows are of those who left."""
    customers = SHIFTED.customers(ROWS, seed=4)
    made = [NOW - (120 - number * 120 / ROWS) * DAY for number in range(ROWS)]
    delays = [2 * DAY if customer.churned else 30 * DAY for customer in customers]
    known = [at + delay < NOW for at, delay in zip(made, delays, strict=True)]
    url = f"sqlite:///{tmp_path / 'predictions.db'}"
    features, churned = [one.features for one in customers], [one.churned for one in customers]
    add(url, features, churned, made, [at + delay for at, delay in zip(made, delays, strict=True)], has_outcome=known)
    as_it_is, mature = (
        datasets.load(FitSettings.model_validate(retraining.model_dump() | changes), CONTRACT)
        for changes in ({"log_url": url}, {"log_url": url, "mature_after": "31d"})
    )
    assert len(live_rows.doubts(as_it_is.provenance.live)) == 2
    assert live_rows.doubts(mature.provenance.live) == []
    for dataset, is_fair in ((as_it_is, False), (mature, True)):
        assert dataset.moments is not None
        for part in (dataset.moments.is_learned, dataset.moments.is_judged):
            assert (abs(dataset.churned[part].mean() - np.mean(churned)) < 0.05) == is_fair
    with pytest.raises(HistoryTooShort, match=r"a fold would have \d+ customers who churned and 0 .*--mature-after"):
        pipeline.fit(FitSettings.model_validate(retraining.model_dump() | {"log_url": url}))
