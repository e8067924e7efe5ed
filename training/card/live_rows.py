"""The card's section about live rows: how many there are, which model answered them, and how they are biased."""

from models.bundles.manifest import Description, LiveRows
from training.card.table_rows import bullet, code, paragraph

MUCH_FEWER, MUCH_LATER, MANY_LEFT_OUT = 0.8, 1.5, 0.05
"""What makes a doubt: the newest predictions have less than so much of the older ones' share of outcomes; outcomes of
those who stayed come so many times later than of those who left, and more than so much of the rows are left out."""


def write(description: Description) -> list[str]:
    """Write the section; nothing for a model that learned from no live rows."""
    if (live := description.data.live) is None:
        return []
    answered = ", ".join(f"{code(version)} {rows:,}" for version, rows in live.models.items())
    young = f", or they were younger than {live.mature_after_days:g} days then" if live.mature_after_days else ""
    return [
        *paragraph(
            f"{live.rows:,} of these customers were predicted by the service from {live.first_made_at:%Y-%m-%d} to",
            f"{live.last_made_at:%Y-%m-%d}, and their outcome came later; {description.data.rows - live.rows:,} come",
            f"from elsewhere. {live.left_out_rows:,} are in neither part: their outcome was {live.outcome_known_when}",
            f"after the first customer of the test set was predicted{young}. Of all {live.predictions:,} predictions",
            f"of that time {1 - live.outcomes / live.predictions:.0%} have no outcome;",
            f"{live.without_inputs + live.other_contract:,} that have one lack inputs of this contract.",
        ),
        "",
        *paragraph(
            f"Models that answered: {answered}; {live.canary_rows / live.rows:.1%} of the answers were a challenger's",
            "(canary), as the history of the shelf knows. Answers decided who got an offer, so these are not the",
            "outcomes of customers who were left alone: whom an offer kept looks as if the risk had been low.",
        ),
        "",
        *(line for doubt in doubts(live) for line in bullet(f"{doubt}.")),
        *([""] if doubts(live) else []),
    ]


def doubts(live: LiveRows | None) -> list[str]:
    """Say what makes live rows one-sided, a sentence each."""
    if live is None:
        return []
    found = []
    if live.newest_outcome_share < MUCH_FEWER * live.older_outcome_share:
        found.append(
            f"{live.newest_outcome_share:.0%} of the newest fifth of the predictions have an outcome, "
            f"{live.older_outcome_share:.0%} of the older ones: if those who leave early are known first, the test set "
            "has too many of them; --mature-after leaves young predictions out"
        )
    churned, stayed = live.days_until_known["churned"], live.days_until_known["stayed"]
    is_one_sided = stayed > MUCH_LATER * churned and live.mature_after_days < stayed
    if is_one_sided and live.left_out_rows > MANY_LEFT_OUT * live.rows:
        found.append(
            f"it was known after {churned:g} days who left, after {stayed:g} who stayed (medians): among the last "
            f"customers learned from are too many who left; --mature-after {max(1, round(1.5 * stayed))}d or so leaves "
            "them out"
        )
    return found
