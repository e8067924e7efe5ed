"""Evaluates a fitted model on the test set, once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sklearn.base import BaseEstimator
from xgboost import XGBClassifier

from models.bundles import quality, resampling
from models.bundles.calibration import Calibration, Method
from models.bundles.manifest import CalibrationComparison, Confusion, CostSummary, Importance, Tuning
from models.bundles.quality import Figure, Figures
from models.bundles.risk import RiskPolicy
from models.bundles.segments import Segment
from models.customer.contract import Contract, Labels, Matrix, Vector
from training.data import slices
from training.data.dataset_split import TestSet
from training.learning import cost_policy, evaluation, importance
from training.learning.model import LINEAR


@dataclass(frozen=True)
class FittedModel:
    """A fitted model, and everything else that was computed from the training rows."""

    classifier: XGBClassifier
    calibration: Calibration
    policy: RiskPolicy
    linear: BaseEstimator
    """The logistic regression, fitted on the same rows or on a sample of them."""
    linear_policy: RiskPolicy
    chosen_on: tuple[Vector, Labels]
    """Calibrated out-of-fold probabilities and outcomes, on which calibration and policy were chosen."""
    chosen_for: Labels | None
    """The customer of each of these rows; None if each row is a customer of its own."""
    folds: Mapping[str, Sequence[Mapping[str, float]]]
    """Metrics of every algorithm on each fold."""
    surely_ahead: Mapping[str, Figure]
    """Other algorithms whose ROC-AUC on the folds is surely higher, and by how much."""
    seeds: Sequence[Mapping[str, float]]
    log_loss: Mapping[Method, float]
    """Log loss of each calibration method on the folds."""
    parameters: Mapping[str, int | float]
    tuning: Tuning | None

    def predict(self, matrix: Matrix) -> Vector:
        """Return calibrated probabilities, (n,) in [0, 1]."""
        return self.calibration.apply(evaluation.predict(self.classifier, matrix))


@dataclass(frozen=True)
class FinalEvaluation:
    """The results on the test set."""

    matrix: Matrix
    churned: Labels
    raw: Vector
    """Probabilities before calibration."""
    probability: Vector
    figures: Figures
    calibrated: CalibrationComparison
    confusion: Confusion
    models: Mapping[str, tuple[Vector, RiskPolicy]]
    """Probabilities and policy of this model and of the logistic regression."""
    priced: CostSummary | None
    slices: Sequence[Segment]
    differences: Mapping[str, Mapping[str, float]]
    importance: Mapping[str, Importance]
    best_reachable: Mapping[str, float]
    """The metrics of the true probabilities; empty if they are unknown."""
    by_chance: Mapping[str, float]
    """The mean calibration error of exact forecasts; empty where rows are not independent, or too few."""


def evaluate(
    fitted: FittedModel,
    test: TestSet,
    *,
    contract: Contract,
    seed: int,
) -> FinalEvaluation:
    """Evaluate a model on the test set."""
    churned, rows, policy = test.churned, test.matrix, fitted.policy
    raw = evaluation.predict(fitted.classifier, rows)
    probability = fitted.calibration.apply(raw)
    models = {
        "this model": (probability, policy),
        LINEAR: (evaluation.predict(fitted.linear, rows), fitted.linear_policy),
    }
    groups, differences = slices.measure(test.columns, churned, probability, policy, test.customers)
    return FinalEvaluation(
        matrix=rows,
        churned=churned,
        raw=raw,
        probability=probability,
        figures=quality.measured(probability, churned, policy, customers=test.customers),
        calibrated=CalibrationComparison(log_loss=dict(fitted.log_loss), before=quality.exact(raw, churned, policy)),
        confusion=evaluation.confusion(churned, probability, policy),
        models=models,
        priced=_price(fitted, test, models, seed=seed),
        slices=groups,
        differences=differences,
        importance=importance.measure(fitted.classifier, rows, churned, contract, seed=seed),
        best_reachable=_best_reachable(test),
        by_chance=_by_chance(probability, test, policy),
    )


def _price(
    fitted: FittedModel, test: TestSet, models: Mapping[str, tuple[Vector, RiskPolicy]], *, seed: int
) -> CostSummary | None:
    if (costs := fitted.policy.costs) is None:
        return None
    customers = fitted.chosen_for, test.customers
    return cost_policy.describe(costs, *fitted.chosen_on, test=(test.churned, models), seed=seed, customers=customers)


def _by_chance(probability: Vector, test: TestSet, policy: RiskPolicy) -> dict[str, float]:
    exact = quality.estimated(probability, policy)
    if exact is None or resampling.numbered(test.customers) is not None:
        return {}
    return {"calibration_error_by_chance": exact["calibration_error"].value}


def _best_reachable(test: TestSet) -> dict[str, float]:
    if test.true_probability is None:
        return {}
    return {"best_reachable_roc_auc": quality.exact(test.true_probability, test.churned, RiskPolicy())["roc_auc"]}
