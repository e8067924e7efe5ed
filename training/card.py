"""MODEL_CARD.md: what a reader should know before relying on the model. Every figure comes from the description.

Knows nothing of the model itself, only of what its manifest will say.
"""

from collections.abc import Iterable

from models.bundle import Description

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
    data, policy = description.data, description.policy
    test_rows = sum(description.confusion.model_dump().values())
    return "\n".join(
        [
            "# Churn model",
            "",
            "Gradient-boosted trees that give the probability that a customer churns. Meant for ranking customers and",
            "choosing whom to contact; not for pricing, credit or any decision that a customer cannot appeal.",
            "",
            "## Data",
            "",
            f"{data.rows:,} customers from `{data.source}`, {data.rejected_rows:,} more rejected by the contract.",
            f"Content SHA-256 `{data.sha256[:16]}…`; {test_rows:,} customers were held out and judged once.",
            "",
            *_table(("feature", "kind", "unit", "bounds"), _feature_rows(description)),
            "",
            "## Quality on the test set",
            "",
            f"Decisions at a probability of {policy.threshold:g}. Intervals are 95 %, by bootstrap.",
            "",
            *_table(("metric", "value", "low", "high"), _metric_rows(description)),
            "",
            *_best_reachable(description),
            *_table(("", "stays (decided)", "churns (decided)"), _confusion_rows(description)),
            "",
            "![ROC](figures/roc.png) ![Precision and recall](figures/precision_recall.png)",
            "![Calibration](figures/calibration.png) ![Decisions](figures/confusion.png)",
            "",
            "## Against simpler models",
            "",
            "Means over five stratified folds of the training customers, with standard deviations.",
            "",
            *_table(("model", "ROC-AUC", "PR-AUC", "log loss"), _comparison_rows(description)),
            "",
            "## Limits",
            "",
            "- It knows the customers of its data; another market, price list or year needs its own training.",
            "- It predicts who leaves, not whom an offer would keep.",
            f"- Risk tiers change at {policy.medium_from:g} and {policy.high_from:g}; no cost of an error is in them.",
            "",
            "## How it was made",
            "",
            *_table(("parameter", "value"), [(name, f"{value:g}") for name, value in description.parameters.items()]),
            "",
            f"Graph and booster differ by at most {description.parity_difference:.1e} in probability. Versions: "
            + ", ".join(f"{name} {version}" for name, version in description.libraries.items())
            + ".",
            "",
        ]
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]


def _feature_rows(description: Description) -> Iterable[tuple[str, ...]]:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    for feature in description.features:
        bounds = [f"{signs[limit]} {value:,}" for limit, value in feature["limits"].items()]
        allowed = [str(value) for value in feature["categories"]] + (["null"] if feature["nullable"] else [])
        yield feature["name"], feature["kind"], feature["unit"] or "", ", ".join(bounds + allowed)


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
