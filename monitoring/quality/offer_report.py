"""What offers did, in words and as JSON values, and which success rates the costs file should have instead."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from models.bundles.quality import Figure
from models.bundles.risk import Costs, RiskTier
from monitoring.quality.treatment_effect import DIFFERS, LEAST_OF_EACH, LEAST_ROWS, TIERS, Effect, has_others


def sentences(effects: Sequence[Effect], costs: Costs | None) -> list[str]:
    """Describe the effects, a line each, and what they say of the costs file."""
    found = advice(effects, costs)
    return [*(_sentence(one, costs) for one in effects), *([found] if found else [])]


def records(effects: Sequence[Effect], costs: Costs | None) -> list[dict[str, Any]]:
    """Return the effects as JSON values."""
    currency = None if costs is None else costs.currency
    return [
        asdict(one)
        | {"free": one.free._asdict(), "held_out": one.held_out._asdict()}
        | {"verdict": one.verdict, "currency": currency, "success_rate_to_set": _to_set(one)}
        for one in effects
    ]


def advice(effects: Sequence[Effect], costs: Costs | None) -> str | None:
    """Say which success rates to write into the costs file; None unless one surely differs from what happened."""
    rates = {one.tier: rate for one in effects if (rate := _to_set(one))}
    useless = [one.tier for one in effects if one.shows_nothing]
    if costs is None or not (rates or useless):
        return None
    parts = [f"nothing shows that the {tier} offer keeps anybody: make none, or another one" for tier in useless]
    if rates:
        keys = (_key(one, rates[one.tier], costs) for one in effects if one.tier in rates)
        problem = None if useless else _problem(costs, rates)
        parts.append(f"set {' and '.join(keys)}{f'; then {problem}' if problem else ''}, and fit again with --costs")
    return f"costs file: if all offers are reported, {'; '.join(parts)}"


def _key(one: Effect, rate: float, costs: Costs) -> str:
    """Say the key and its value, and how sure it is: a rate that is only just surely another lies too far off."""
    sure = f" (95 % interval {one.success_rate.low:.3f} to {one.success_rate.high:.3f})" if one.success_rate else ""
    return f"success_rate = {rate:g}{sure} under [{one.tier}] instead of {_assumed(costs, one.tier):g}"


def _to_set(one: Effect) -> float | None:
    """Return the success rate to write into the costs file, with two digits; None if the one there may be right."""
    if one.success_rate is None or one.verdict not in DIFFERS or one.shows_nothing:
        return None
    rate = float(f"{one.success_rate.value:.2g}")
    return None if rate == one.assumed_success_rate else rate


def _problem(costs: Costs, rates: Mapping[RiskTier, float]) -> str | None:
    """Say which offer pays for no customer at these success rates, and what to do; a fit would refuse such costs."""
    medium_rate, high_rate = (rates.get(tier, _assumed(costs, tier)) for tier in TIERS)
    changed = {
        "medium": costs.medium.model_copy(update={"success_rate": medium_rate}),
        "high": costs.high.model_copy(update={"success_rate": high_rate}),
    }
    found = costs.model_copy(update=changed)
    medium, high = found.break_even
    if medium >= 1:
        return "the medium offer no longer pays: make it cheaper, or another one"
    if high_rate <= medium_rate:
        return "the high offer keeps no more than the medium one: make another one"
    if high >= 1:
        return "the high offer no longer pays beside the medium one: make it cheaper, or another one"
    if high <= medium:
        return "the medium offer no longer pays beside the high one: make it cheaper, or another one"
    return None


def _assumed(costs: Costs, tier: RiskTier) -> float:
    return (costs.medium if tier == "medium" else costs.high).success_rate


def _sentence(one: Effect, costs: Costs | None) -> str:
    who = f"effect of the {one.tier} offer: {one.free.rows:,} customers who may get it, {one.held_out.rows:,} held out"
    if one.reduced_churn_by is None:
        needed = f"{LEAST_ROWS} customers, {LEAST_OF_EACH} who churned and {LEAST_OF_EACH} who stayed"
        return f"{who}: too few outcomes, {needed} are needed in each group"
    parts = [_reduced(one.reduced_churn_by)]
    if one.saved is not None and costs is not None:
        low, high = one.saved.low, one.saved.high
        parts.append(f"{costs.currency} {one.saved.value:,.2f} ({low:,.2f} to {high:,.2f}) saved for each customer")
    parts.append(_reported(one))
    if one.success_rate is not None and one.assumed_success_rate is not None:
        parts.append(
            f"success rate {_percent(one.success_rate)}, {one.assumed_success_rate:.0%} is assumed: {one.verdict}"
        )
    return f"{who}: {'; '.join(parts)}"


def _reported(one: Effect) -> str:
    """Say for how many customers offers are reported, and why that gives no success rate."""
    free, held_out = one.free, one.held_out
    if not free.offers + held_out.offers + free.others + held_out.others:
        return "no offers are reported, so there is no success rate"
    share, of_held_out = free.offers / free.rows, held_out.offers / held_out.rows
    told = f"offers are reported for {share:.1%} of those who may get it"
    if of_held_out or one.success_rate is None:
        told += f", and for {of_held_out:.1%} of those held out"
    if one.success_rate is not None:
        return told
    if has_others(held_out, free):
        others, of_others = free.others / free.rows, held_out.others / held_out.rows
        problem = f"; offers of other tiers for {others:.1%}, and for {of_others:.1%} of those held out"
    elif share <= of_held_out:
        problem = ", who should get none"
    else:
        problem = ", too few for this effect (report all of them, or wait for more outcomes)"
    return f"{told}{problem}, so there is no success rate"


def _reduced(by: Figure) -> str:
    if by.value < 0:
        return f"churn higher by {_points(Figure(-by.value, -by.high, -by.low))}"
    return f"churn lower by {_points(by)}"


def _points(figure: Figure) -> str:
    return f"{100 * figure.value:.1f} percentage points ({100 * figure.low:.1f} to {100 * figure.high:.1f})"


def _percent(figure: Figure) -> str:
    return f"{figure.value:.1%} ({figure.low:.1%} to {figure.high:.1%})"
