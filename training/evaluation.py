"""How good probabilities are: point metrics, bootstrap intervals, cross-validation.

Knows nothing of which model made them.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline

from models.contract import Labels, Vector
from models.manifest import Confusion, Interval, Spread

RESAMPLES = 1_000
FOLDS = 5


def measure(churned: Labels, probability: Vector, *, threshold: float) -> dict[str, float]:
    """Compute the metrics of probabilities against outcomes; accuracy comes with the rest, never alone.

    Precision is 0 where nobody is flagged.
    """
    counts = confusion(churned, probability, threshold=threshold)
    given_to_outcome = np.where(churned == 1, probability, 1 - probability)
    hits, misses, false_alarms = counts.true_positives, counts.false_negatives, counts.false_positives
    return {
        "roc_auc": float(metrics.roc_auc_score(churned, probability)),
        "pr_auc": float(metrics.average_precision_score(churned, probability)),
        "f1": 2 * hits / (2 * hits + misses + false_alarms),
        "precision": hits / max(hits + false_alarms, 1),
        "recall": hits / (hits + misses),
        "accuracy": (hits + counts.true_negatives) / len(churned),
        "brier": float(np.mean((probability - churned) ** 2)),
        "log_loss": float(-np.log(np.maximum(given_to_outcome, np.finfo(np.float64).eps)).mean()),
    }


def bootstrap(
    churned: Labels, probability: Vector, *, threshold: float, seed: int, on_step: Callable[[], None]
) -> dict[str, Interval]:
    """Compute 95 % percentile intervals of every metric over 1,000 resamples of the rows.

    Resamples are drawn within each class, so that none lacks one. `on_step` is called after each.
    """
    rng = np.random.default_rng(seed)
    classes = [np.flatnonzero(churned == label) for label in (0, 1)]
    drawn = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([rng.choice(members, size=len(members)) for members in classes])
        drawn.append(measure(churned[rows], probability[rows], threshold=threshold))
        on_step()
    low, high = (pd.DataFrame(drawn).quantile(at) for at in (0.025, 0.975))
    return {name: Interval(low=float(low[name]), high=float(high[name])) for name in drawn[0]}


def cross_validate(
    candidates: Mapping[str, Pipeline],
    features: pd.DataFrame,
    churned: Labels,
    *,
    threshold: float,
    seed: int,
    on_step: Callable[[], None],
) -> dict[str, list[dict[str, float]]]:
    """Fit every candidate on the same five stratified folds; returns its metrics on each held-out fold.

    `on_step` is called after each fit.
    """
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(features, churned))
    results: dict[str, list[dict[str, float]]] = {name: [] for name in candidates}
    for name, candidate in candidates.items():
        for kept, held_out in folds:
            fitted = clone(candidate).fit(features.iloc[kept], churned[kept])
            probability = fitted.predict_proba(features.iloc[held_out])[:, 1].astype(np.float64)
            results[name].append(measure(churned[held_out], probability, threshold=threshold))
            on_step()
    return results


def summarise(folds: list[dict[str, float]]) -> dict[str, Spread]:
    """Compute mean and sample standard deviation of each metric over the folds."""
    table = pd.DataFrame(folds)
    return {
        name: Spread(mean=float(table[name].mean()), deviation=float(table[name].std(ddof=1))) for name in table.columns
    }


def confusion(churned: Labels, probability: Vector, *, threshold: float) -> Confusion:
    """Count customers by decision and outcome."""
    stayed_low, stayed_high, churned_low, churned_high = np.bincount(
        2 * churned + (probability >= threshold), minlength=4
    ).tolist()
    return Confusion(
        true_negatives=stayed_low,
        false_positives=stayed_high,
        false_negatives=churned_low,
        true_positives=churned_high,
    )
