"""Writes MODEL_CARD.md. Every figure in it comes from the manifest's description.

Some sections are modules of their own.
"""

from models.bundles.manifest import Description
from training.card import comparison, costs, limits, live_rows, table_rows
from training.card.table_rows import code, paragraph, plain, table
from training.data import leakage


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
    roc_auc, interval = description.metrics["roc_auc"], description.intervals["roc_auc"]
    return [
        "# Churn model",
        "",
        *paragraph(
            "Gradient-boosted trees that give the probability that a customer churns. Meant for ranking customers and",
            "choosing whom to contact; not for pricing, credit or any decision that a customer cannot appeal.",
        ),
        "",
        f"On customers that it never saw: ROC-AUC {roc_auc:.3f} ({interval.low:.3f} to {interval.high:.3f}).",
    ]


def _data(description: Description) -> list[str]:
    data, test_rows = description.data, sum(description.confusion.model_dump().values())
    query = [f"Query: {code(data.query)}."] if data.query else []
    return [
        "## Data",
        "",
        *paragraph(
            f"{data.rows:,} customers from {code(data.source)}; {data.rejected_rows:,} rows broke the contract.",
            *query,
            f"Content SHA-256 `{data.sha256[:16]}…`. {test_rows:,} customers were held out {description.split};",
            "they were judged once.",
        ),
        "",
        *live_rows.write(description),
        *table(("feature", "kind", "unit", "bounds"), table_rows.features(description)),
        "",
        *_leaks(description.warnings),
    ]


def _leaks(warnings: list[str]) -> list[str]:
    looked_for = (
        "a feature that alone tells the outcome, whole numbers that name rows, and test rows of which more than "
        f"{100 * leakage.SUSPICIOUS_SHARE:g} % repeat a training row"
    )
    if not warnings:
        return [f"Looked for and not found: {looked_for}."]
    return [f"Looked for: {looked_for}. Found:", "", *(f"- {warning}." for warning in warnings)]


def _quality(description: Description) -> list[str]:
    return [
        "## Quality on the test set",
        "",
        *paragraph(
            f"Decisions at a probability of {description.policy.threshold:g}. Intervals are 95 %, by bootstrap; that",
            "of the calibration error lies high, because drawing anew adds chance to chance.",
        ),
        "",
        *table(("metric", "value", "low", "high"), table_rows.metrics(description)),
        "",
        *_best_reachable(description),
        *table(("", "stays (decided)", "churns (decided)"), table_rows.confusion(description)),
        "",
        "![ROC](figures/roc.png) ![Precision and recall](figures/precision_recall.png)",
        "![Decisions](figures/confusion.png)",
    ]


def _best_reachable(description: Description) -> list[str]:
    best = description.metrics.get("best_reachable_roc_auc")
    if best is None:
        return []
    return [
        f"The true probabilities of these synthetic customers reach a ROC-AUC of {best:.4f}; none can do better.",
        "",
    ]


def _calibration(description: Description) -> list[str]:
    method = description.calibration.method
    chosen = "Left as the trees give them" if method == "none" else f"Calibrated by the {method} method"
    return [
        "## Calibration",
        "",
        *paragraph(
            "Of a hundred customers at 0.3, thirty should leave.",
            f"{chosen}: the simplest method whose log loss on held-out folds is the least, but for chance.",
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
        return ["## For whom it fails", "", "No group of the test set is large enough to judge."]
    return [
        "## For whom it fails",
        "",
        *paragraph(
            "The test set by groups. The calibration gap is how many more left than was said; its interval should hold",
            "0, but for one in twenty by chance. Recall is the share of its churners that is selected.",
        ),
        "",
        *table(
            ("group", "customers", "churned", "selected", "ROC-AUC", "calibration gap", "recall"),
            table_rows.slices(description),
        ),
        "",
        *([f"Too small to judge: {plain(', '.join(small))}.", ""] if small else []),
        *paragraph(
            "The largest differences between two of these groups. Groups that churn more are selected more: a",
            "difference asks for a reason, it is not one.",
        ),
        "",
        *table(
            ("column", "share selected", "stayers selected", "churners missed"), table_rows.differences(description)
        ),
        "",
        "![By group of customers](figures/slices.png)",
    ]


def _reasons(description: Description) -> list[str]:
    return [
        "## What it goes by",
        "",
        *table(("feature", "ROC-AUC lost when shuffled", "share of the gain"), table_rows.importance(description)),
        "",
        *_constraints(description.constraints),
        "![Importance](figures/importance.png)",
        "",
        "![Dependence](figures/dependence.png)",
    ]


def _constraints(constraints: dict[str, int]) -> list[str]:
    if not constraints:
        return []
    told = (f"{name} may only {'raise' if way > 0 else 'lower'} the risk" for name, way in constraints.items())
    return [f"Constrained: {', '.join(told)}.", ""]


def _making(description: Description) -> list[str]:
    return [
        "## How it was made",
        "",
        *table(("parameter", "value"), [(name, f"{value:g}") for name, value in description.parameters.items()]),
        "",
        f"Served and fitted model differ by at most {description.parity_difference:.1e} in probability.",
        "",
        *table(("library", "version"), description.libraries.items()),
    ]
