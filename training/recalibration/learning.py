"""Learns the new map, and evaluates it on rows that it was not learned from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import clone

from models.bundles import quality, recalibration
from models.bundles.bundle import Bundle
from models.bundles.calibration import Recalibrated
from models.bundles.manifest import CalibrationComparison, CostSummary
from models.bundles.recalibration import Recalibration
from models.bundles.risk import RiskPolicy
from models.customer.contract import Labels, Vector
from training.data.dataset_split import DatasetSplit
from training.data.datasets import Dataset
from training.learning import cost_policy, evaluation, final_evaluation, model
from training.learning.final_evaluation import FinalEvaluation, FittedModel
from training.publishing import trees

EARLIER = "this model before the recalibration"
Deciders = Mapping[str, tuple[Vector, RiskPolicy]]


@dataclass(frozen=True)
class Learned:
    """The trees with a new map, and its figures on the rows that judge it."""

    fitted: FittedModel
    judged: FinalEvaluation
    line: Recalibration
    earlier: Vector
    """The champion's probabilities of the rows that judge it."""


def learn(champion: Bundle, parts: DatasetSplit, *, seed: int) -> Learned:
    """Learn the map from the training rows of `parts`, and evaluate it on the test rows."""
    manifest, classifier = champion.manifest, trees.read(champion)
    served = manifest.calibration.apply(evaluation.predict(classifier, parts.matrix))
    customers = None if parts.customers is None else _numbered(parts.customers)
    line = recalibration.simplest(served, parts.churned, customers=customers)
    policy = manifest.policy.at_break_even
    linear = clone(model.candidates(classifier, seed=seed, threads=1)[model.LINEAR])
    fitted = FittedModel(
        classifier=classifier,
        calibration=manifest.calibration.recalibrated(slope=line.slope, intercept=line.intercept),
        policy=policy,
        linear=linear.fit(parts.matrix, parts.churned),
        linear_policy=policy,
        chosen_on=(line.apply(served), parts.churned),
        chosen_for=parts.customers,
        folds={},
        surely_ahead={},
        seeds=(),
        log_loss={},
        parameters=manifest.parameters,
        tuning=manifest.tuning,
    )
    judged = final_evaluation.evaluate(fitted, parts.test, contract=champion.contract, seed=seed)
    earlier = manifest.calibration.apply(judged.raw)
    before = quality.exact(earlier, judged.churned, manifest.policy)
    models: Deciders = {**judged.models, EARLIER: (earlier, manifest.policy)}
    judged = replace(
        judged,
        calibrated=CalibrationComparison(log_loss={}, before=before),
        priced=_price(fitted, parts, models, seed=seed),
    )
    return Learned(fitted, judged, line, earlier)


def describe(champion: Bundle, dataset: Dataset, parts: DatasetSplit, line: Recalibration) -> Recalibrated:
    """Say what the map was learned from; a champion that was recalibrated itself has the trees of an earlier one."""
    manifest, live = champion.manifest, dataset.provenance.live
    before = manifest.recalibrated
    return Recalibrated(
        version=manifest.version,
        trained_on=before.trained_on if before else manifest.data.source,
        trained_rows=before.trained_rows if before else manifest.data.rows,
        outcomes=len(parts.churned),
        first_made_at=live.first_made_at if live else None,
        last_made_at=live.last_made_at if live else None,
        slope=line.slope,
        intercept=line.intercept,
    )


def _price(fitted: FittedModel, parts: DatasetSplit, models: Deciders, *, seed: int) -> CostSummary | None:
    if (costs := fitted.policy.costs) is None:
        return None
    customers = fitted.chosen_for, parts.test.customers
    test = (parts.test.churned, models)
    return cost_policy.describe(costs, *fitted.chosen_on, test=test, seed=seed, customers=customers)


def _numbered(customers: Labels) -> Labels:
    return np.unique(customers, return_inverse=True)[1]
