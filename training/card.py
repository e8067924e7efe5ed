"""MODEL_CARD.md: what a reader should know before relying on the model. Every figure comes from the description.

Knows nothing of the model itself, only of what its manifest will say. What is told of errors is in `card_limits`.
"""

from models.manifest import Description
from training import card_limits, card_tables
from training.card_tables import code, paragraph, plain, table
from training.model import SERVED


def write(description: Description) -> str:
    """Write the card as Markdown."""
    parts = (
        _purpose,
        _data,
        _quality,
        _calibration,
        _costs,
        _groups,
        _reasons,
        _comparison,
        card_limits.write,
        _making,
    )
    return "\n\n".join("\n".join(part(description)) for part in parts) + "\n"


def overtaken_by(description: Description) -> str | None:
    """Name the model that did better on the folds, if one did."""
    mean = {name: spreads["roc_auc"].mean for name, spreads in description.cross_validation.items()}
    best = max(mean, key=lambda name: mean[name], default=SERVED)
    return None if mean.get(best) == mean.get(SERVED) else best


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
        *table(("feature", "kind", "unit", "bounds"), card_tables.features(description)),
        "",
        *_leaks(description.warnings),
    ]


def _leaks(warnings: list[str]) -> list[str]:
    looked_for = "a feature that alone tells the outcome, ids among the features, test rows repeated in training"
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
        *table(("metric", "value", "low", "high"), card_tables.metrics(description)),
        "",
        *_best_reachable(description),
        *table(("", "stays (decided)", "churns (decided)"), card_tables.confusion(description)),
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
        *table(("method", "log loss on the folds"), card_tables.methods(description)),
        "",
        *table(("on the test set", "before", "after"), card_tables.calibration(description)),
        "",
        "![Calibration](figures/calibration.png)",
    ]


def _costs(description: Description) -> list[str]:
    policy, priced = description.policy, description.priced
    if policy.costs is None or priced is None:
        return [
            "## Decisions",
            "",
            *paragraph(
                f"Threshold {policy.threshold:g}, tiers from {policy.medium_from:g} and {policy.high_from:g}: plain",
                "defaults. No cost of an error is in them; `fit --costs FILE` makes them from yours.",
            ),
        ]
    costs, (medium, high) = policy.costs, policy.costs.break_even
    return [
        "## Decisions and what they cost",
        "",
        *paragraph(
            f"A customer who leaves costs {costs.value_of_kept_customer:,g} {costs.currency}. The medium tier gets an",
            f"offer for {costs.medium.contact_cost:,g} that keeps {costs.medium.success_rate:.0%} of those who would",
            f"leave, the high tier one for {costs.high.contact_cost:,g} that keeps {costs.high.success_rate:.0%}.",
            "The bounds are those that cost least on the folds.",
        ),
        "",
        *table(
            ("tier", "from", "low", "high", "if probabilities were exact"),
            card_tables.bounds(policy, priced, medium, high),
        ),
        "",
        *table((f"who decides, {costs.currency} a customer", "cost", "low", "high"), card_tables.costs(priced)),
        "",
        "![Profit curve](figures/profit.png)",
    ]


def _groups(description: Description) -> list[str]:
    small = [segment.name for segment in description.slices if segment.figures is None]
    if len(small) == len(description.slices):
        return ["## For whom it fails", "", "No group of the test set is large enough to judge."]
    return [
        "## For whom it fails",
        "",
        "The test set by groups. The calibration gap is how many more left than was said; its interval should hold 0.",
        "",
        *table(("group", "customers", "churned", "ROC-AUC", "calibration gap"), card_tables.slices(description)),
        "",
        *([f"Too small to judge: {plain(', '.join(small))}.", ""] if small else []),
        *paragraph(
            "The largest differences between two groups of a column. Groups that churn more are selected more: a",
            "difference asks for a reason, it is not one.",
        ),
        "",
        *table(
            ("column", "share selected", "stayers selected", "churners missed"), card_tables.differences(description)
        ),
        "",
        "![By group of customers](figures/slices.png)",
    ]


def _reasons(description: Description) -> list[str]:
    return [
        "## What it goes by",
        "",
        *table(("feature", "ROC-AUC lost when shuffled", "share of the gain"), card_tables.importance(description)),
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


def _comparison(description: Description) -> list[str]:
    ahead, tuning, spread = overtaken_by(description), description.tuning, description.seeds["roc_auc"]
    searched = (
        f"Parameters are the best of {tuning.trials:,} trials on these folds, so its own figures flatter it a little."
        if tuning
        else "Its parameters are the usual ones, not searched for."
    )
    return [
        "## Against other models",
        "",
        *paragraph(
            "Five folds of the training customers, the same for all: means with standard deviations, and the 95 %",
            f"interval of the mean ROC-AUC. {searched}",
        ),
        "",
        *table(("model", "ROC-AUC", "interval", "PR-AUC", "log loss"), card_tables.comparison(description)),
        *(["", f"On these folds {ahead} is ahead of this model."] if ahead else []),
        "",
        f"Split and fitted anew with ten other seeds: ROC-AUC {spread.mean:.4f} ± {spread.deviation:.4f}.",
    ]


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
