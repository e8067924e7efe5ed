"""What offers did, in words and as JSON values, and which success rates the costs file should have instead."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError

from models.bundles.quality import Figure
from models.bundles.risk import Costs, RiskTier
from monitoring.quality.treatment_effect import DIFFERS, LEAST_CHURNED, LEAST_ROWS, Effect


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
    useless = [one.tier for one in effects if one.keeps_nobody]
    if costs is None or not (rates or useless):
        return None
    parts = [f"the {tier} offer keeps nobody: make none, or another one" for tier in useless]
    if rates:
        listed = rates.items()
        keys = (f"success_rate = {rate:g} under [{tier}] instead of {_assumed(costs, tier):g}" for tier, rate in listed)
        parts.append(f"set {' and '.join(keys)}, and fit again with --costs")
        if not useless and (problem := _problem(costs, rates)):
            parts.append(f"a fit would refuse these costs as they are, because {problem}")
    return f"costs file: {'; '.join(parts)}"


def _to_set(one: Effect) -> float | None:
    """Return the success rate to write into the costs file, with two digits; None if the one there may be right."""
    if one.success_rate is None or one.verdict not in DIFFERS or one.keeps_nobody:
        return None
    rate = float(f"{one.success_rate.value:.2g}")
    return None if rate == one.assumed_success_rate else rate


def _problem(costs: Costs, rates: Mapping[RiskTier, float]) -> str | None:
    raw = costs.model_dump()
    for tier, rate in rates.items():
        raw[tier]["success_rate"] = rate
    try:
        Costs.model_validate(raw)
    except ValidationError as error:
        return error.errors()[0]["msg"].removeprefix("Value error, ")
    return None


def _assumed(costs: Costs, tier: RiskTier) -> float:
    return (costs.medium if tier == "medium" else costs.high).success_rate


def _sentence(one: Effect, costs: Costs | None) -> str:
    who = f"effect of the {one.tier} offer: {one.free.rows:,} customers who may get it, {one.held_out.rows:,} held out"
    if one.reduced_churn_by is None:
        return f"{who}: too few outcomes, {LEAST_ROWS} customers and {LEAST_CHURNED} churners are needed in each group"
    parts = [f"churn lower by {_points(one.reduced_churn_by)}"]
    if one.saved is not None and costs is not None:
        low, high = one.saved.low, one.saved.high
        parts.append(f"{costs.currency} {one.saved.value:,.2f} ({low:,.2f} to {high:,.2f}) saved for each customer")
    if one.success_rate is None:
        parts.append(f"{_unreported(one)}, so there is no success rate")
    elif one.assumed_success_rate is not None:
        parts.append(
            f"success rate {_percent(one.success_rate)}, {one.assumed_success_rate:.0%} is assumed: {one.verdict}"
        )
    return f"{who}: {'; '.join(parts)}"


def _unreported(one: Effect) -> str:
    if not one.free.offers + one.held_out.offers:
        return "no offers are reported"
    share, of_held_out = one.free.offers / one.free.rows, one.held_out.offers / one.held_out.rows
    told = f"offers are reported for {share:.1%}, and for {of_held_out:.1%} of those held out"
    if share <= of_held_out:
        return f"{told}, who should get none"
    return f"{told}, too few for this effect (report all of them, or wait for more outcomes)"


def _points(figure: Figure) -> str:
    return f"{100 * figure.value:.1f} percentage points ({100 * figure.low:.1f} to {100 * figure.high:.1f})"


def _percent(figure: Figure) -> str:
    return f"{figure.value:.1%} ({figure.low:.1%} to {figure.high:.1%})"
