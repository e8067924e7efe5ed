"""From a fitted model to a bundle on the shelf: graph, parity, reference, card, figures, manifest.

Knows nothing of how the model was fitted, nor of MLflow.
"""

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline

from models import bundle
from models.bundle import BOOSTER, CARD, GRAPH, REFERENCE, Bundle
from models.contract import Contract, Labels, Vector
from models.manifest import Description, Interval
from models.risk import RiskPolicy
from training import card, evaluation, export, figures, model, revision
from training.data import Dataset

REFERENCE_ROWS = 5_000


@dataclass(frozen=True)
class Fitted:
    """A fitted model, and all that was found out about it."""

    pipeline: Pipeline
    policy: RiskPolicy
    folds: dict[str, list[dict[str, float]]]
    """Metrics of every algorithm on each held-out fold."""
    training_rows: npt.NDArray[np.int64]
    """Positions of the rows that it was fitted on."""
    test_rows: npt.NDArray[np.int64]
    """Positions of the rows that it never saw."""
    probability: Vector
    """Of churn, for each test row."""
    intervals: dict[str, Interval]


def publish(fitted: Fitted, dataset: Dataset, contract: Contract, *, models_dir: Path, seed: int) -> Bundle:
    """Write the bundle of a fitted model.

    Raises:
        ParityError: graph and booster disagree on the test rows; nothing was published.
    """
    matrix = contract.to_matrix(dataset.features.iloc[fitted.test_rows])
    classifier = model.classifier_of(fitted.pipeline)
    churned = dataset.churned[fitted.test_rows]
    with tempfile.TemporaryDirectory() as scratch:
        files = Path(scratch)
        export.write_models(classifier, width=matrix.shape[1], graph=files / GRAPH, booster=files / BOOSTER)
        difference = export.check_parity(classifier, files / GRAPH, matrix)
        description = _describe(fitted, dataset, contract, churned=churned, parity_difference=difference, seed=seed)
        _sample(dataset.features.iloc[fitted.training_rows], seed).to_parquet(files / REFERENCE, index=False)
        (files / CARD).write_text(card.write(description), encoding="utf-8")
        figures.draw(churned, fitted.probability, description.confusion, to=files / "figures")
        now = datetime.now(UTC).replace(microsecond=0)
        return bundle.save(files, description, trained_at=now, models_dir=models_dir)


def _describe(
    fitted: Fitted, dataset: Dataset, contract: Contract, *, churned: Labels, parity_difference: float, seed: int
) -> Description:
    threshold = fitted.policy.threshold
    metrics = evaluation.measure(churned, fitted.probability, threshold=threshold)
    if dataset.true_probability is not None:
        metrics["best_reachable_roc_auc"] = float(roc_auc_score(churned, dataset.true_probability[fitted.test_rows]))
    return Description(
        fingerprint=contract.fingerprint,
        features=[feature.schema() for feature in contract.features],
        data=dataset.provenance,
        policy=fitted.policy,
        metrics=metrics,
        intervals=fitted.intervals,
        confusion=evaluation.confusion(churned, fitted.probability, threshold=threshold),
        cross_validation={name: evaluation.summarise(folds) for name, folds in fitted.folds.items()},
        parameters={**model.PARAMETERS, "random_state": seed},
        parity_difference=parity_difference,
        libraries=revision.libraries(),
    )


def _sample(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    return rows if len(rows) <= REFERENCE_ROWS else rows.sample(REFERENCE_ROWS, random_state=seed)
