"""The model card's section about live rows: how many there are, who reported them, and how they are biased."""

from models.bundles.format.provenance import LiveRows, Reported
from models.bundles.manifest import Description
from training.card.table_rows import bullet, inline_code, noun, paragraph, table

MUCH_FEWER, MUCH_LATER, MANY_LEFT_OUT = 0.8, 1.5, 0.05
"""Limits for a warning.

The share of outcomes among the newest predictions is less than 0.8 of that among older ones. Or the outcomes of stayers
are known more than 1.5 times as late as those of churners, and more than 0.05 of the rows are left out.
"""


def write(description: Description) -> list[str]:
    """Write the section; empty for a model that was trained without live rows."""
    if (live := description.data.live) is None:
        return []
    answered = ", ".join(f"{inline_code(version)} {rows:,}" for version, rows in live.models.items())
    young = f", or they were younger than {live.mature_after_days:g} days then" if live.mature_after_days else ""
    return [
        *paragraph(
            f"{live.rows:,} of these {noun(description.data)} were predicted by the service from",
            f"{live.first_made_at:%Y-%m-%d} to {live.last_made_at:%Y-%m-%d}, and have an outcome;",
            f"{description.data.rows - live.rows:,} are from",
            f"another source. {live.left_out_rows:,} are in neither part: their outcome was {live.outcome_known_when}",
            f"after the first customer of the test set was predicted{young}. Of all {live.predictions:,} predictions",
            f"in this period, {1 - live.outcomes / live.predictions:.0%} have no outcome;",
            f"{live.without_inputs + live.other_contract:,} with an outcome lack inputs of this contract.",
        ),
        "",
        *paragraph(
            f"Models that answered: {answered}. According to the history of the pin,",
            f"{live.canary_rows / live.rows:.1%} of the answers came from a challenger (canary). The answers decided",
            "who got an offer, so these are not the outcomes of customers who were left alone: a customer who was kept",
            "by an offer looks like a low risk.",
        ),
        "",
        *(_reporters(live, live.reported) if live.reported else []),
        *(line for doubt in doubts(live) for line in bullet(f"{doubt}.")),
        *([""] if doubts(live) else []),
    ]


def shares(reported: Reported) -> list[tuple[str, int, float, int, float]]:
    """Return the reporters with their rows and test rows, and the shares of all, the largest first."""
    rows, test_rows = sum(reported.rows.values()), sum(reported.test_rows.values())
    by_size = sorted(reported.rows.items(), key=lambda item: -item[1])
    return [
        (name, own, own / rows, (tested := reported.test_rows.get(name, 0)), tested / test_rows)
        for name, own in by_size
    ]


def _reporters(live: LiveRows, reported: Reported) -> list[str]:
    names = ", ".join(map(inline_code, reported.trusted or ()))
    trusted = f"Only outcomes from {names} counted" if names else "Outcomes from all reporters counted"
    cells = (
        (name, f"{own:,}", f"{share:.1%}", f"{tested:,}", f"{test_share:.1%}")
        for name, own, share, tested, test_share in shares(reported)
    )
    return [
        *paragraph(
            f"{trusted}. {reported.contradicted_predictions:,} of the {live.predictions:,} predictions were left out,",
            "because reporters gave both outcomes. Where reporters agree, the row counts for the earliest.",
        ),
        "",
        *table(("reporter", "rows", "share", "test rows", "share of test rows"), cells),
        "",
    ]


def doubts(live: LiveRows | None) -> list[str]:
    """Return one sentence for each sign that the live rows are biased."""
    if live is None:
        return []
    found = []
    if live.newest_outcome_share < MUCH_FEWER * live.older_outcome_share:
        found.append(
            f"{live.newest_outcome_share:.0%} of the newest fifth of the predictions have an outcome, "
            f"{live.older_outcome_share:.0%} of the older ones: if churners are known earlier than stayers, the test "
            "set has too many churners; --mature-after leaves out recent predictions"
        )
    churned, stayed = live.days_until_known["churned"], live.days_until_known["stayed"]
    is_one_sided = stayed > MUCH_LATER * churned and live.mature_after_days < stayed
    if is_one_sided and live.left_out_rows > MANY_LEFT_OUT * live.rows:
        found.append(
            f"the median outcome is known after {churned:g} days for churners, after {stayed:g} for stayers: the "
            f"latest training rows have too many churners; --mature-after {max(1, round(1.5 * stayed))}d leaves out "
            "recent predictions"
        )
    return found
