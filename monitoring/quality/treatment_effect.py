"""The effect of offers by risk tier: customers who may get one are compared with those who were held out at random.

Only the holdout makes them alike. Customers who got an offer and customers who got none for other reasons differ in
more than the offer, and are never compared. All who might have got an offer count, also those who did not get it, so
that nobody's choice to treat some of them matters (intention to treat).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from models.bundles.quality import Figure
from models.bundles.risk import Costs, RiskTier
from models.log import customers, known_outcomes
from models.log.log_tables import PREDICTIONS, TREATMENTS
from models.log.reporters import Trusted
from monitoring.log import window
from monitoring.period import Period

TIERS: tuple[RiskTier, ...] = ("medium", "high")
"""The tiers with an offer."""
LEAST_ROWS, LEAST_CHURNED = 30, 5
"""Fewest customers with an outcome in each of both groups, and fewest of them who churned, for an effect."""
DIFFERS = ("better than assumed", "worse than assumed")
"""Verdicts on a success rate whose interval does not hold the assumed one."""
_Z = 1.959964


class Arm(NamedTuple):
    """Customers of a tier with an outcome, of those who were held out or of the others."""

    rows: int = 0
    churned: int = 0
    offers: int = 0
    """How many of them got an offer."""


Arms = Mapping[tuple[RiskTier, bool], Arm]
"""By tier, and by whether they were held out."""


@dataclass(frozen=True)
class Effect:
    """What offers did to the customers of a tier, with 95 % intervals."""

    tier: RiskTier
    free: Arm
    """Customers who were not held out."""
    held_out: Arm
    reduced_churn_by: Figure | None
    """Churn rate of the held-out customers less that of the others; None with too few outcomes."""
    success_rate: Figure | None
    """Share of the customers who would have churned and stayed with an offer; None if the reported offers cannot be
    all: none, no more than among the held-out customers, or so few that the share would be above 1."""
    saved: Figure | None
    """Money saved for each customer who was not held out, offers paid; None without costs or a success rate."""
    assumed_success_rate: float | None
    """What the costs file says of the success rate."""

    @property
    def verdict(self) -> str:
        """Say how the success rate compares with the assumed one."""
        if self.success_rate is None or self.assumed_success_rate is None:
            return "cannot tell"
        if self.success_rate.low > self.assumed_success_rate:
            return DIFFERS[0]
        return DIFFERS[1] if self.success_rate.high < self.assumed_success_rate else "as assumed"

    @property
    def keeps_nobody(self) -> bool:
        """Whether no fewer customers churn with the offer, and surely fewer stay than assumed."""
        return self.verdict == DIFFERS[1] and self.success_rate is not None and self.success_rate.value <= 0


def read(connection: sa.Connection, period: Period, *, model_version: str, trusted: Trusted) -> Arms:
    """Count the customers of a model in a period who have a draw and an outcome, by tier and draw, each once."""
    made = window.within(PREDICTIONS.c.prediction_id, period) & (PREDICTIONS.c.model_version == model_version)
    drawn = made & PREDICTIONS.c.held_out.is_not(None)
    known = known_outcomes.select(trusted)
    counted = customers.first(drawn, known)
    identity, offered = PREDICTIONS.c.prediction_id, TREATMENTS.c.offer.is_not(None) & (TREATMENTS.c.offer != "none")
    rows = (
        PREDICTIONS.join(counted, customers.of_prediction(counted))
        .join(known, known_outcomes.of_prediction(known))
        .outerjoin(TREATMENTS, TREATMENTS.c.prediction_id == identity)
    )
    query = (
        sa.select(
            PREDICTIONS.c.risk_tier,
            PREDICTIONS.c.held_out,
            sa.func.count(),
            sa.func.count().filter(known.c.churned),
            sa.func.count().filter(offered),
        )
        .select_from(rows)
        .where(drawn)  # true of all that count; it tells PostgreSQL which partitions to read
        .group_by(PREDICTIONS.c.risk_tier, PREDICTIONS.c.held_out)
    )
    return {(tier, held_out): Arm(*counts) for tier, held_out, *counts in connection.execute(query)}


def of_tiers(arms: Arms, costs: Costs | None) -> tuple[Effect, ...]:
    """Compute the effect in each tier with an offer; none if nobody was held out."""
    if not any(held_out for _, held_out in arms):
        return ()
    return tuple(_effect(tier, arms.get((tier, False), Arm()), arms.get((tier, True), Arm()), costs) for tier in TIERS)


def _effect(tier: RiskTier, free: Arm, held_out: Arm, costs: Costs | None) -> Effect:
    offer = None if costs is None else costs.medium if tier == "medium" else costs.high
    assumed = None if offer is None else offer.success_rate
    if min(free.rows, held_out.rows) < LEAST_ROWS or min(free.churned, held_out.churned) < LEAST_CHURNED:
        return Effect(tier, free, held_out, None, None, None, assumed)
    reduced, kept = difference(held_out, free), success(held_out, free)
    saved = None
    if costs is not None and offer is not None and kept is not None:  # else the reports do not tell what was spent
        spent = offer.contact_cost * more_offers(held_out, free)
        saved = _scaled(reduced, costs.value_of_kept_customer, -spent)
    return Effect(tier, free, held_out, reduced, kept, saved, assumed)


def difference(held_out: Arm, free: Arm) -> Figure:
    """Return the difference in churn rates, with the interval of Newcombe 1998 from those of Wilson."""
    (rate, low, high), (other, other_low, other_high) = wilson(held_out), wilson(free)
    by = rate - other
    return Figure(by, by - math.hypot(rate - low, other_high - other), by + math.hypot(high - rate, other - other_low))


def success(held_out: Arm, free: Arm) -> Figure | None:
    """Return the share of would-be churners whom an offer keeps, with the interval of the ratio of rates (Katz 1978).

    An offer does nothing where it was not made, so the ratio is spread over the share that got one because it was free.
    None if that share is not positive, or so small that offers would keep more customers than would have churned.
    """
    share = more_offers(held_out, free)
    if share <= 0:
        return None
    ratio = (free.churned / free.rows) / (held_out.churned / held_out.rows)
    spread = math.sqrt(1 / free.churned - 1 / free.rows + 1 / held_out.churned - 1 / held_out.rows)
    low, high = ratio * math.exp(-_Z * spread), ratio * math.exp(_Z * spread)
    value = (1 - ratio) / share
    return None if value > 1 else Figure(value, (1 - high) / share, min((1 - low) / share, 1))


def more_offers(held_out: Arm, free: Arm) -> float:
    """Return by how much the share that got an offer is larger among those who were not held out."""
    return free.offers / free.rows - held_out.offers / held_out.rows


def wilson(arm: Arm) -> tuple[float, float, float]:
    """Return the churn rate with its 95 % interval (Wilson 1927)."""
    rate, rows = arm.churned / arm.rows, arm.rows
    centre = (rate + _Z**2 / (2 * rows)) / (1 + _Z**2 / rows)
    reach = _Z * math.sqrt(rate * (1 - rate) / rows + _Z**2 / (4 * rows**2)) / (1 + _Z**2 / rows)
    return rate, centre - reach, centre + reach


def _scaled(figure: Figure, by: float, plus: float) -> Figure:
    return Figure(*(end * by + plus for end in (figure.value, figure.low, figure.high)))
