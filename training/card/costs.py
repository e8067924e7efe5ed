"""The part of the card about decisions: the bounds, what they were made from, and what they cost."""

from models.bundles.manifest import Description, Priced
from training.card import table_rows
from training.card.table_rows import paragraph, table


def cheaper(priced: Priced) -> str | None:
    """Name who decides at less cost than this model, if anybody does."""
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
            table_rows.bounds(policy, priced, medium, high),
        ),
        "",
        *table((f"who decides, {costs.currency} a customer", "cost", "more than this model"), table_rows.costs(priced)),
        "",
        *_dearer(priced),
        *paragraph(
            "The curve is what a customer saves on average when the likeliest to leave are contacted: nobody at its",
            "left end, everybody at its right end. A dot is where the model's own bound stops.",
        ),
        "",
        "![Profit curve](figures/profit.png)",
    ]


def _dearer(priced: Priced) -> list[str]:
    if (cheapest := cheaper(priced)) is None:
        return []
    return [f"On the test set {cheapest} costs less than this model: it does not pay here.", ""]
