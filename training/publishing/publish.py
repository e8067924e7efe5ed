"""Publishes an evaluated model as a bundle in the store: graph, parity check, samples, card, figures, manifest."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from models.bundles import bundle
from models.bundles.bundle import Bundle
from models.bundles.format.bundle_files import BOOSTER, CARD, CARD_PAGE, GRAPH, REFERENCE
from models.bundles.manifest import Description, Interval
from models.customer.contract import Contract
from training.card import cost_figures, drawing, effect_figures, figures, html_page, model_card
from training.data import holdout
from training.data.dataset_split import DatasetSplit
from training.learning import evaluation, importance
from training.learning.final_evaluation import FinalEvaluation, FittedModel
from training.learning.model import LINEAR
from training.publishing import code_version, export
from training.settings import FitSettings


def publish(
    fitted: FittedModel,
    judged: FinalEvaluation,
    parts: DatasetSplit,
    *,
    contract: Contract,
    warnings: Sequence[str],
    settings: FitSettings,
) -> Bundle:
    """Write the bundle of a model to the store.

    Raises:
        ParityError: graph and trees give different probabilities on the test set; nothing was published.
    """
    with tempfile.TemporaryDirectory() as scratch:
        files, rows = Path(scratch), judged.matrix
        export.write_models(fitted.classifier, width=rows.shape[1], graph=files / GRAPH, booster=files / BOOSTER)
        described = Description(
            **_data(parts, contract),
            **_fit(fitted, settings),
            **quality(judged),
            warnings=list(warnings),
            parity_difference=export.check_parity(judged.probability, files / GRAPH, rows, fitted.calibration),
        )
        parts.reference.to_parquet(files / REFERENCE, index=False)
        baseline, _ = judged.models[LINEAR]
        holdout.write(files, parts, baseline=baseline)
        write_card(files, described, fitted, judged, contract, seed=settings.seed)
        now = datetime.now(UTC).replace(microsecond=0)
        return bundle.save(files, described, contract, trained_at=now, models_dir=settings.models_dir)


def write_card(
    folder: Path,
    described: Description,
    fitted: FittedModel,
    judged: FinalEvaluation,
    contract: Contract,
    *,
    seed: int,
) -> None:
    """Write the card, its page and its figures to the folder of a bundle."""
    with drawing.style():
        for name, figure in _pictures(fitted, judged, contract, seed=seed):
            drawing.save(figure, folder / "figures" / f"{name}.png")
    text = model_card.write(described)
    (folder / CARD).write_text(text, encoding="utf-8")
    (folder / CARD_PAGE).write_text(html_page.write(text, folder), encoding="utf-8")


def _data(parts: DatasetSplit, contract: Contract) -> dict[str, Any]:
    return {
        "fingerprint": contract.fingerprint,
        "features": [feature.described() for feature in contract.features],
        "levels": {feature.name: feature.levels for feature in contract.open_categories},
        "data": parts.provenance,
        "split": parts.told,
    }


def _fit(fitted: FittedModel, settings: FitSettings) -> dict[str, Any]:
    return {
        "policy": fitted.policy,
        "calibration": fitted.calibration,
        "cross_validation": {name: evaluation.summarise(folds) for name, folds in fitted.folds.items()},
        "surely_ahead": {name: asdict(by) for name, by in fitted.surely_ahead.items()},
        "seeds": evaluation.summarise(fitted.seeds),
        "parameters": {**fitted.parameters, "random_state": settings.seed},
        "constraints": dict(settings.monotone),
        "tuning": fitted.tuning,
        "libraries": code_version.libraries(),
    }


def quality(judged: FinalEvaluation) -> dict[str, Any]:
    """Return the fields of a description that come from the evaluation."""
    return {
        "metrics": {name: figure.value for name, figure in judged.figures.items()}
        | dict(judged.best_reachable)
        | dict(judged.by_chance),
        "intervals": {name: Interval(low=figure.low, high=figure.high) for name, figure in judged.figures.items()},
        "confusion": judged.confusion,
        "calibrated": judged.calibrated,
        "priced": judged.priced,
        "slices": judged.slices,
        "differences": judged.differences,
        "importance": judged.importance,
    }


def _pictures(
    fitted: FittedModel, judged: FinalEvaluation, contract: Contract, *, seed: int
) -> Iterator[tuple[str, Figure]]:
    churned, probability = judged.churned, judged.probability
    yield "roc", figures.roc(churned, probability)
    yield "precision_recall", figures.precision_recall(churned, probability)
    yield "calibration", figures.calibration(churned, judged.raw, probability)
    yield "confusion", figures.confusion(judged.confusion)
    if any(segment.figures for segment in judged.slices):
        yield "slices", figures.slices(judged.slices, judged.figures["roc_auc"].value)
    yield "importance", effect_figures.importance(judged.importance)
    drawn = effect_figures.drawn(judged.importance)
    curves = importance.dependence(fitted.predict, judged.matrix, contract, names=drawn, seed=seed)
    yield "dependence", effect_figures.dependence(curves)
    if (costs := fitted.policy.costs) is not None:
        yield "profit", cost_figures.profit(churned, judged.models, costs.currency)
