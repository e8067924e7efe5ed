"""The card and the terminal's report show the manifest's figures and no others."""

import re
from dataclasses import replace
from pathlib import Path

from models.bundles.manifest import Ahead, Tuning
from training import report
from training.card import calibration_words, comparison, model_card, table_rows
from training.learning import model, presets
from training.pipeline import Published


def test_every_metric_is_shown_with_its_interval(published: Published) -> None:
    manifest = published.bundle.manifest
    text = published.bundle.path("MODEL_CARD.md").read_text()
    for key, name in table_rows.NAMES.items():
        low, high = manifest.intervals[key].low, manifest.intervals[key].high
        assert f"| {name} | {manifest.metrics[key]:.4f} | {low:.4f} | {high:.4f} |" in text


def test_the_page_that_the_card_names_explains_every_metric(published: Published, root: Path) -> None:
    card = " ".join(model_card.write(published.bundle.manifest).split())
    assert f"`{model_card.EXPLAINED_IN}` says what each figure means." in card
    page = (root / model_card.EXPLAINED_IN).read_text()
    assert [name for name in table_rows.NAMES.values() if f"\n| {name} | " not in page] == []
    assert "`GET /model/card`" in page


def test_every_feature_is_shown_with_its_bounds(published: Published) -> None:
    text = published.bundle.path("MODEL_CARD.md").read_text()
    assert "| tenure_months | integer | months | ≥ 0, ≤ 120 |" in text
    assert "| total_charges | number | USD | ≥ 0, ≤ 1,000,000 or null |" in text
    assert "| contract_type | category |  | 0 month-to-month, 1 one-year, 2 two-year |" in text


def test_figures_that_the_card_shows_are_in_the_bundle(published: Published) -> None:
    text = published.bundle.path("MODEL_CARD.md").read_text()
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert len(shown) == 7
    assert set(shown) <= set(published.bundle.manifest.files)


def test_the_best_reachable_figure_is_left_out_where_it_is_unknown(published: Published) -> None:
    known = published.bundle.manifest
    metrics = {name: value for name, value in known.metrics.items() if name != "best_reachable_roc_auc"}
    unknown = known.model_copy(update={"metrics": metrics})
    assert "true probabilities" in model_card.write(known)
    assert "true probabilities" not in model_card.write(unknown)


def test_a_simpler_model_that_is_ahead_is_named(published: Published) -> None:
    known = published.bundle.manifest
    served, constant = (known.cross_validation[name] for name in (model.SERVED, model.CONSTANT))
    ahead = known.model_copy(update={"cross_validation": {model.SERVED: served, model.LINEAR: constant}})
    assert comparison.overtaken_by(ahead) is None
    overtaken = known.model_copy(update={"cross_validation": {model.SERVED: constant, model.LINEAR: served}})
    assert "logistic regression has a higher ROC-AUC than this model. It may be chance." in model_card.write(overtaken)
    bundle = replace(published.bundle, manifest=overtaken)
    assert "logistic regression has a higher ROC-AUC on these folds, which may be chance" in report.describe(
        replace(published, bundle=bundle)
    )


def test_a_model_that_is_surely_ahead_is_a_warning(published: Published) -> None:
    known = published.bundle.manifest
    assert (known.surely_ahead, "surely_ahead" in known.model_dump()) == ({}, False)  # as earlier versions read it
    ahead = {model.HISTOGRAM: Ahead(value=0.011, low=0.008, high=0.014)}
    beaten = known.model_copy(update={"surely_ahead": ahead})
    assert type(known).model_validate(beaten.model_dump()).surely_ahead == ahead
    card = " ".join(model_card.write(beaten).split())
    assert "**histogram gradient boosting ranks the customers of these folds surely better than this model:**" in card
    assert "its ROC-AUC is higher by 0.011 (0.008 to 0.014)" in card
    told = report.describe(replace(published, bundle=replace(published.bundle, manifest=beaten)))
    assert "\n  WARNING   histogram gradient boosting ranks the customers of these folds surely better" in told


def test_the_card_says_which_preset_was_chosen_and_that_its_figures_are_optimistic(published: Published) -> None:
    known = published.bundle.manifest
    deep = {**model.PARAMETERS, **presets.OTHERS["deep"], "n_estimators": 180}
    card = " ".join(model_card.write(known.model_copy(update={"parameters": deep})).split())
    assert "The parameters are those of the preset deep, with 180 trees" in card
    assert "slightly optimistic. The test set took no part." in card
    usual = " ".join(model_card.write(known.model_copy(update={"parameters": dict(model.PARAMETERS)})).split())
    assert "no other preset was better on these folds by more than chance" in usual


def test_the_card_says_that_trees_are_a_regression_and_that_a_search_adds_others(published: Published) -> None:
    linear = dict(model.PARAMETERS) | presets.OTHERS[presets.LINEAR]
    known = published.bundle.manifest.model_copy(update={"parameters": linear})
    searched = known.model_copy(update={"tuning": Tuning(log_loss=0.4, trials=20, pruned=3)})
    card, after_search, usual = (
        " ".join(model_card.write(manifest).split()) for manifest in (known, searched, published.bundle.manifest)
    )
    sentence = "Its trees are a logistic regression, one for each column of the matrix, because that predicted better"
    added = "Further trees learned from the outcomes what the regression leaves."
    assert [text.count(sentence) for text in (card, after_search, usual)] == [1, 1, 0]
    assert [text.count(added) for text in (card, after_search, usual)] == [0, 1, 0]
    first = "# Churn model {} predict the probability that a customer churns."
    assert card.startswith(first.format("Trees that are a logistic regression, and"))
    assert usual.startswith(first.format("Gradient-boosted trees that"))
    others = "The other parameters are those of further trees, if there are any."
    assert [text.count(others) for text in (card, after_search, usual)] == [1, 1, 0]


def test_the_report_says_which_model_is_served(published: Published) -> None:
    told = report.describe(published)
    assert told.startswith(f"model {published.bundle.manifest.version} (pinned: served within a second)")
    assert f"\n  MLflow    {published.link}" in told  # as docs/train.md says
    waiting = Published(published.bundle, published.run_id, published.link, pinned=False)
    assert "(challenger: try `python -m training promote`)" in report.describe(waiting)


def test_the_calibration_error_is_told_with_what_chance_would_show(published: Published) -> None:
    known = published.bundle.manifest
    low, high = known.intervals["calibration_error"].low, known.intervals["calibration_error"].high
    error, by_chance = (known.metrics[name] for name in ("calibration_error", "calibration_error_by_chance"))
    text = " ".join(model_card.write(known).split())
    assert f"forecasts are {100 * error:.1f} points ({100 * low:.1f} to {100 * high:.1f}) from their values" in text
    assert f"exact ones would show about {100 * by_chance:.1f} by chance." in text
    assert 0.01 < by_chance < 0.03  # 0.012 at 1,000 rows, and here are 400
    metrics = {name: value for name, value in known.metrics.items() if name != "calibration_error_by_chance"}
    assert "by chance" not in " ".join(calibration_words.write(known.model_copy(update={"metrics": metrics})))
