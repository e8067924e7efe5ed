"""MODEL_CARD.md: what a reader should know before relying on the model. Every figure comes from the description.

Knows nothing of the model itself, only of what its manifest will say.
"""

from collections.abc import Iterable

from models.manifest import Description
from training.model import SERVED

NAMES = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "accuracy": "accuracy",
    "brier": "Brier score",
    "log_loss": "log loss",
}
"""Metrics by name, as people write them, in the order of every table."""


def write(description: Description) -> str:
    """Write the card as Markdown."""
    parts = (_purpose, _data, _quality, _comparison, _limits, _making)
    return "\n\n".join("\n".join(part(description)) for part in parts) + "\n"


def overtaken_by(description: Description) -> str | None:
    """Name the simpler model that did better on the folds, if one did."""
    mean = {name: spreads["roc_auc"].mean for name, spreads in description.cross_validation.items()}
    best = max(mean, key=lambda name: mean[name], default=SERVED)
    return None if mean.get(best) == mean.get(SERVED) else best


def _purpose(_: Description) -> list[str]:
    return [
        "# Churn model",
        "",
        "Gradient-boosted trees that give the probability that a customer churns. Meant for ranking customers and",
        "choosing whom to contact; not for pricing, credit or any decision that a customer cannot appeal.",
    ]


def _data(description: Description) -> list[str]:
    data, test_rows = description.data, sum(description.confusion.model_dump().values())
    return [
        "## Data",
        "",
        f"{data.rows:,} customers from `{data.source}`; {data.rejected_rows:,} rows were rejected by the contract.",
        f"Content SHA-256 `{data.sha256[:16]}…`. {test_rows:,} customers were held out and judged once.",
        "",
        *_table(("feature", "kind", "unit", "bounds"), _feature_rows(description)),
    ]


def _quality(description: Description) -> list[str]:
    return [
        "## Quality on the test set",
        "",
        f"Decisions at a probability of {description.policy.threshold:g}. Intervals are 95 %, by bootstrap.",
        "",
        *_table(("metric", "value", "low", "high"), _metric_rows(description)),
        "",
        *_best_reachable(description),
        *_table(("", "stays (decided)", "churns (decided)"), _confusion_rows(description)),
        "",
        "![ROC](figures/roc.png) ![Precision and recall](figures/precision_recall.png)",
        "![Calibration](figures/calibration.png) ![Decisions](figures/confusion.png)",
    ]


def _comparison(description: Description) -> list[str]:
    ahead = overtaken_by(description)
    return [
        "## Against simpler models",
        "",
        "Means over five stratified folds of the training customers, with standard deviations.",
        "",
        *_table(("model", "ROC-AUC", "PR-AUC", "log loss"), _comparison_rows(description)),
        *(["", f"On these folds {ahead} is ahead of this model."] if ahead else []),
    ]


def _limits(description: Description) -> list[str]:
    policy = description.policy
    return [
        "## Limits",
        "",
        "- It knows the customers of its data; another market, price list or year needs its own training.",
        "- It predicts who leaves, not whom an offer would keep.",
        f"- Risk tiers change at {policy.medium_from:g} and {policy.high_from:g}; no cost of an error is in them.",
    ]


def _making(description: Description) -> list[str]:
    return [
        "## How it was made",
        "",
        *_table(("parameter", "value"), [(name, f"{value:g}") for name, value in description.parameters.items()]),
        "",
        f"Graph and booster differ by at most {description.parity_difference:.1e} in probability.",
        "",
        *_table(("library", "version"), description.libraries.items()),
    ]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]


def _feature_rows(description: Description) -> Iterable[tuple[str, ...]]:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    for feature in description.features:
        bounds = [f"{signs[limit]} {value:,}" for limit, value in feature["limits"].items()]
        allowed = ", ".join([*bounds, *map(str, feature["categories"])])
        yield feature["name"], feature["kind"], feature["unit"] or "", allowed + (" or null" * feature["nullable"])


def _metric_rows(description: Description) -> Iterable[tuple[str, ...]]:
    for key, name in NAMES.items():
        interval = description.intervals[key]
        yield name, f"{description.metrics[key]:.4f}", f"{interval.low:.4f}", f"{interval.high:.4f}"


def _best_reachable(description: Description) -> list[str]:
    best = description.metrics.get("best_reachable_roc_auc")
    if best is None:
        return []
    return [
        f"The true probabilities of these synthetic customers reach a ROC-AUC of {best:.4f}; none can do better.",
        "",
    ]


def _confusion_rows(description: Description) -> Iterable[tuple[str, ...]]:
    counts = description.confusion
    yield "stayed", f"{counts.true_negatives:,}", f"{counts.false_positives:,}"
    yield "churned", f"{counts.false_negatives:,}", f"{counts.true_positives:,}"


def _comparison_rows(description: Description) -> Iterable[tuple[str, ...]]:
    for name, spreads in description.cross_validation.items():
        shown = (spreads[metric] for metric in ("roc_auc", "pr_auc", "log_loss"))
        yield (name, *(f"{spread.mean:.4f} ± {spread.deviation:.4f}" for spread in shown))
