"""The model card's section about decisions: the bounds, the costs that they are based on, and the resulting cost."""

from models.bundles.manifest import CostSummary, Description
from training.card import table_rows
from training.card.table_rows import paragraph, table

BOUNDS_FROM = {
    "prices": "The forecasts on the folds are calibrated, so the tiers begin at the break-even of the prices.",
    "folds": "The forecasts on the folds are not calibrated, so the tiers begin where they cost least on the folds.",
}


def cheaper(priced: CostSummary) -> str | None:
    """Return the name of the policy with the lowest cost; None if it is this model's."""
    ours = next(iter(priced.cost))
    best = min(priced.cost, key=lambda name: priced.cost[name].value)
    return None if best == ours else best


def write(description: Description) -> list[str]:
    """Write the section."""
    policy, priced = description.policy, description.priced
    if policy.costs is None or priced is None:
        return [
            "## Decisions",
            "",
            *paragraph(
                f"Threshold {policy.threshold:g}, tiers from {policy.medium_from:g} and {policy.high_from:g}. These",
                "are defaults that do not consider costs; `fit --costs FILE` chooses them from your costs.",
            ),
        ]
    costs, (medium, high) = policy.costs, policy.costs.break_even
    return [
        "## Decisions and their cost",
        "",
        *paragraph(
            f"A customer who churns costs {costs.value_of_kept_customer:,g} {costs.currency}. The offer for the medium",
            f"tier costs {costs.medium.contact_cost:,g} and keeps {costs.medium.success_rate:.0%} of those who would",
            f"churn. The offer for the high tier costs {costs.high.contact_cost:,g} and keeps",
            f"{costs.high.success_rate:.0%}. {BOUNDS_FROM[priced.bounds_from]} Low and high are the 95 % interval of",
            "the bounds that cost least on the folds.",
        ),
        "",
        *table(
            ("tier", "from", "low on the folds", "high on the folds", "break-even of the prices"),
            table_rows.bounds(policy, priced, medium, high),
        ),
        "",
        *table((f"policy, {costs.currency} per customer", "cost", "more than this model"), table_rows.costs(priced)),
        "",
        *_dearer(priced),
        *paragraph(
            "The curve shows the mean saving per customer if the customers with the highest probability are contacted:",
            "nobody at the left end, everybody at the right end. A dot marks how many customers each policy contacts.",
        ),
        "",
        "![Profit curve](figures/profit.png)",
    ]


def _dearer(priced: CostSummary) -> list[str]:
    if (cheapest := cheaper(priced)) is None:
        return []
    return [f"On the test set, {cheapest} costs less than this model: it does not pay off with these costs.", ""]
