"""Writes MODEL_CARD.md. Every figure in it comes from the manifest's description."""

from models.bundles.manifest import Description
from training.card import calibration_words, comparison, costs, limits, live_rows, recalibrated, table_rows
from training.card.effect_figures import MOST_FEATURES
from training.card.figures import MOST_GROUPS
from training.card.table_rows import bullet, escape, inline_code, noun, of_rows, paragraph, table
from training.data import leakage
from training.learning.model import LINEAR_TREES

EXPLAINED_IN = "docs/train.md"
"""The page of the repository that explains the figures. It is no link: bundle, service and MLflow show the card."""

_OF_FURTHER_TREES = (
    f"`{LINEAR_TREES}` says that there is a regression, with one tree for each column of the matrix. `n_estimators` "
    "counts all trees. The other parameters are those of further trees, if there are any."
)
_ALIKE = (
    "Each row counts. Rows of one customer resemble each other, so the intervals are those of drawing customers, each "
    "with all rows."
)


def write(description: Description) -> str:
    """Write the card as Markdown."""
    parts = (
        _purpose,
        _data,
        _quality,
        _calibration,
        costs.write,
        _groups,
        _reasons,
        comparison.write,
        limits.write,
        _making,
    )
    return "\n\n".join("\n".join(part(description)) for part in parts) + "\n"


def _purpose(description: Description) -> list[str]:
    is_linear = description.parameters.get(LINEAR_TREES)
    kind = "Trees that are a logistic regression, and" if is_linear else "Gradient-boosted trees that"
    roc_auc, interval = description.metrics["roc_auc"], description.intervals["roc_auc"]
    return [
        "# Churn model",
        "",
        *paragraph(
            f"{kind} predict the probability that a customer churns. Use it to rank customers and to choose whom",
            "to contact. Do not use it for pricing, credit or any decision that a customer cannot appeal.",
        ),
        "",
        f"ROC-AUC on the test set: {roc_auc:.3f} (95 % interval {interval.low:.3f} to {interval.high:.3f}).",
    ]


def _data(description: Description) -> list[str]:
    data, test_rows = description.data, sum(description.confusion.model_dump().values())
    query = [f"Query: {inline_code(data.query)}."] if data.query else []
    return [
        "## Data",
        "",
        *recalibrated.origin(description.recalibrated),
        *paragraph(
            f"{of_rows(data)} from {inline_code(data.source)}; {data.rejected_rows:,} other rows were",
            "rejected, because they break the contract.",
            *query,
            f"Content SHA-256 `{data.sha256[:16]}…`.",
        ),
        "",
        *paragraph(
            f"The rows were split {description.split}. The model was evaluated on the test set once: its figures are",
            f"of {test_rows:,} {noun(data)}.",
            *([] if data.customers is None else [_ALIKE]),
        ),
        "",
        *live_rows.write(description),
        *table(("feature", "kind", "unit", "allowed values"), table_rows.features(description)),
        "",
        *_leaks(description.warnings),
    ]


def _leaks(warnings: list[str]) -> list[str]:
    checks = (
        "a feature that alone predicts the outcome, integers that look like ids, more than "
        f"{100 * leakage.SUSPICIOUS_SHARE:g} % of test rows that equal a training row, and a test set with many "
        "equal rows or unlike the table"
    )
    if not warnings:
        return paragraph(f"The checks of the rows found nothing. They look for {checks}.")
    found = (line for warning in warnings for line in bullet(f"{warning}."))
    return [*paragraph(f"The checks of the rows look for {checks}. They found:"), "", *found]


def _quality(description: Description) -> list[str]:
    return [
        "## Quality on the test set",
        "",
        *paragraph(
            f"The decision threshold is {description.policy.threshold:g}. Low and high are the",
            f"ends of the 95 % intervals. `{EXPLAINED_IN}` says what each figure means.",
        ),
        "",
        *table(("metric", "value", "low", "high"), table_rows.metrics(description)),
        "",
        *_best_reachable(description),
        *table(("outcome", "predicted to stay", "predicted to churn"), table_rows.confusion(description)),
        "",
        "![ROC](figures/roc.png) ![Precision and recall](figures/precision_recall.png)",
        "![Confusion matrix](figures/confusion.png)",
    ]


def _best_reachable(description: Description) -> list[str]:
    best = description.metrics.get("best_reachable_roc_auc")
    if best is None:
        return []
    return [
        f"The true probabilities of these synthetic customers reach a ROC-AUC of {best:.4f}. No model can do better.",
        "",
    ]


def _calibration(description: Description) -> list[str]:
    if description.recalibrated is not None:
        return recalibrated.calibration(description, description.recalibrated)
    method = description.calibration.method
    return [
        "## Calibration",
        "",
        *paragraph(
            "Of 100 customers with a predicted probability of 0.3, about 30 should churn.",
            *calibration_words.write(description),
        ),
        "",
        *paragraph(
            f"A calibration map can correct the probabilities. The chosen method is `{method}`: the simplest one whose",
            "log loss on held-out folds is within one standard error of the lowest.",
        ),
        "",
        *table(("method", "log loss on the folds"), table_rows.methods(description)),
        "",
        *table(("on the test set", "before", "after"), table_rows.calibration(description)),
        "",
        "![Calibration](figures/calibration.png)",
    ]


def _groups(description: Description) -> list[str]:
    small = [segment.name for segment in description.slices if segment.figures is None]
    if len(small) == len(description.slices):
        return ["## Quality by group of customers", "", "No group of the test set is large enough to evaluate."]
    return [
        "## Quality by group of customers",
        "",
        *paragraph(
            "These are figures of the test set. The calibration gap is the churn rate minus the mean prediction; its",
            "interval should contain 0, except for one group in twenty by chance. Recall is the share of the group's",
            "churners that is selected.",
        ),
        "",
        *table(
            ("group", "customers", "churned", "selected", "ROC-AUC", "calibration gap", "recall"),
            table_rows.slices(description),
        ),
        "",
        *([f"Too small to evaluate: {escape(', '.join(small))}.", ""] if small else []),
        *paragraph(
            "The largest difference of each rate between two of these groups. Groups that churn more are selected",
            "more. A large difference needs an explanation; it does not prove that the model is unfair.",
        ),
        "",
        *table(
            ("column", "share selected", "stayers selected", "churners missed"), table_rows.differences(description)
        ),
        "",
        *_folded(len(description.slices) - len(small), MOST_GROUPS, "groups with the lowest ROC-AUC"),
        "![ROC-AUC by group of customers](figures/slices.png)",
    ]


def _folded(found: int, drawn: int, which: str) -> list[str]:
    """Say what the figure below leaves out, if it leaves anything out."""
    return [f"The figure draws the {drawn} {which}, of {found:,}. The table has all.", ""] if found > drawn else []


def _reasons(description: Description) -> list[str]:
    return [
        "## Feature importance",
        "",
        *table(("feature", "ROC-AUC lost when permuted", "share of split gain"), table_rows.importance(description)),
        "",
        *_constraints(description.constraints),
        *_folded(len(description.importance), MOST_FEATURES, "most important features"),
        "![Feature importance](figures/importance.png)",
        "",
        "![Partial dependence](figures/dependence.png)",
    ]


def _constraints(constraints: dict[str, int]) -> list[str]:
    if not constraints:
        return []
    listed = (f"{name} may only {'raise' if sign > 0 else 'lower'} the risk" for name, sign in constraints.items())
    return [f"Monotone constraints: {', '.join(listed)}.", ""]


def _making(description: Description) -> list[str]:
    return [
        "## Parameters and library versions",
        "",
        *table(("parameter", "value"), [(name, f"{value:g}") for name, value in description.parameters.items()]),
        "",
        *([*paragraph(_OF_FURTHER_TREES), ""] if description.parameters.get(LINEAR_TREES) else []),
        f"The served graph and the fitted trees differ by at most {description.parity_difference:.1e} in probability.",
        "",
        *table(("library", "version"), description.libraries.items()),
    ]
