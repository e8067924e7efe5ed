"""The effect of offers by risk tier: customers who may get one are compared with those who were held out at random.

Only the holdout makes them alike. Customers who got an offer and customers who got none for other reasons differ in
more than the offer, and are never compared. All who might have got an offer count, also those who did not get it, so
that nobody's choice to treat some of them matters (intention to treat).

Figures have 95 % intervals. Whether the costs file is right is tested more strictly, because each look tests it again.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
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
LEAST_ROWS, LEAST_OF_EACH = 30, 5
"""Fewest customers with an outcome in each of both groups, and fewest who churned and who stayed, for an effect."""
MOST_OTHERS = 0.05
"""Most customers who got the offer of another tier, for each who got that of the own tier, for a success rate."""
NEAR = 0.5
"""How far from the assumed success rate the interval may reach, as a share of it, to call it as assumed."""
DIFFERS = ("better than assumed", "worse than assumed")
"""Verdicts on a success rate whose interval does not hold the assumed one."""
_Z = 1.959964
_FINEST = 1e-15
"""Smallest rate of false alarms that has a quantile."""


class Arm(NamedTuple):
    """Customers of a tier with an outcome, of those who were held out or of the others."""

    rows: int = 0
    churned: int = 0
    offers: int = 0
    """How many of them got the offer of the tier."""
    others: int = 0
    """How many of them got the offer of another tier, with that of their own or without."""

    @property
    def stayed(self) -> int:
        """How many of them did not churn."""
        return self.rows - self.churned

    @property
    def is_enough(self) -> bool:
        """Whether an effect can be computed."""
        return self.rows >= LEAST_ROWS and min(self.churned, self.stayed) >= LEAST_OF_EACH


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
    all: none, no more than among the held-out customers, or so few that the share would be above 1. None, too, if
    offers of other tiers are not few."""
    deviation: float | None
    """How far the churn of the free customers is above that under the assumed success rate, in standard errors."""
    limit: float | None
    """How far it may be; None for a look that must not say that the assumed success rate is wrong."""
    saved: Figure | None
    """Money saved for each customer who was not held out, offers paid; None without costs or a success rate."""
    assumed_success_rate: float | None
    """What the costs file says of the success rate."""

    @property
    def verdict(self) -> str:
        """Say how the success rate compares with the assumed one."""
        found, assumed = self.success_rate, self.assumed_success_rate
        if found is None or assumed is None or self.deviation is None or self.limit is None:
            return "cannot tell"
        if abs(self.deviation) > self.limit:
            return DIFFERS[0] if self.deviation < 0 else DIFFERS[1]
        is_near = assumed * (1 - NEAR) <= found.low <= assumed <= found.high <= assumed * (1 + NEAR)
        return "as assumed" if is_near else "cannot tell"

    @property
    def shows_nothing(self) -> bool:
        """Whether surely fewer customers stay than assumed, and no fewer churn with the offer than without."""
        return self.verdict == DIFFERS[1] and self.success_rate is not None and self.success_rate.value <= 0


def read(connection: sa.Connection, period: Period, *, model_version: str, trusted: Trusted) -> Arms:
    """Count the customers of a model in a period who have a draw and an outcome, by tier and draw, each once.

    A customer got an offer if it was reported of the prediction that counts, or of another one in the period, by any
    model, and was made before the outcome.
    """
    inside = window.within(PREDICTIONS.c.prediction_id, period)
    drawn = inside & (PREDICTIONS.c.model_version == model_version) & PREDICTIONS.c.held_out.is_not(None)
    known = known_outcomes.select(trusted)
    counted, elsewhere = customers.first(drawn, known), _offers_by_customer(inside)
    rows = (
        PREDICTIONS.join(counted, customers.of_prediction(counted))
        .join(known, known_outcomes.of_prediction(known))
        .outerjoin(TREATMENTS, TREATMENTS.c.prediction_id == PREDICTIONS.c.prediction_id)
        .outerjoin(elsewhere, elsewhere.c.customer_digest == PREDICTIONS.c.customer_digest)
    )
    got = {tier: (TREATMENTS.c.offer == tier) | (elsewhere.c[tier] <= known.c.observed_at) for tier in TIERS}
    of_own = [got[tier] & (PREDICTIONS.c.risk_tier == tier) for tier in TIERS]
    of_others = [got[tier] & (PREDICTIONS.c.risk_tier != tier) for tier in TIERS]
    query = (
        sa.select(
            PREDICTIONS.c.risk_tier,
            PREDICTIONS.c.held_out,
            sa.func.count(),
            sa.func.count().filter(known.c.churned),
            sa.func.count().filter(sa.or_(*of_own)),
            sa.func.count().filter(sa.or_(*of_others)),
        )
        .select_from(rows)
        .where(drawn)  # true of all that count; it tells PostgreSQL which partitions to read
        .group_by(PREDICTIONS.c.risk_tier, PREDICTIONS.c.held_out)
    )
    return {(tier, held_out): Arm(*counts) for tier, held_out, *counts in connection.execute(query)}


def _offers_by_customer(asked: sa.ColumnElement[bool]) -> sa.Subquery:
    """Return when each customer with a digest first got the offer of each tier; null for never."""
    firsts = (sa.func.min(sa.case((TREATMENTS.c.offer == tier, TREATMENTS.c.given_at))).label(tier) for tier in TIERS)
    digest = PREDICTIONS.c.customer_digest
    both = PREDICTIONS.join(TREATMENTS, TREATMENTS.c.prediction_id == PREDICTIONS.c.prediction_id)
    query = sa.select(digest, *firsts).select_from(both).where(asked, digest.is_not(None)).group_by(digest)
    return query.subquery("offers_by_customer")


def of_tiers(arms: Arms, costs: Costs | None, *, false_alarm_rate: float | None) -> tuple[Effect, ...]:
    """Compute the effect in each tier with an offer; none if nobody was held out.

    `false_alarm_rate` is how often this look may find that a success rate differs from a right assumption, all tiers
    together; None for a look that makes no verdict.
    """
    if not any(held_out for _, held_out in arms):
        return ()
    limit = None
    if false_alarm_rate is not None:
        limit = NormalDist().inv_cdf(1 - max(false_alarm_rate / len(TIERS), _FINEST) / 2)
    return tuple(
        _effect(tier, arms.get((tier, False), Arm()), arms.get((tier, True), Arm()), costs, limit) for tier in TIERS
    )


def _effect(tier: RiskTier, free: Arm, held_out: Arm, costs: Costs | None, limit: float | None) -> Effect:
    offer = None if costs is None else costs.medium if tier == "medium" else costs.high
    assumed = None if offer is None else offer.success_rate
    if not (free.is_enough and held_out.is_enough):
        return Effect(tier, free, held_out, None, None, None, limit, None, assumed)
    reduced, kept = difference(held_out, free), success(held_out, free)
    off = None if kept is None or assumed is None else deviation(held_out, free, assumed)
    saved = None
    if costs is not None and offer is not None and kept is not None:  # else the reports do not tell what was spent
        spent = offer.contact_cost * more_offers(held_out, free)
        saved = _scaled(reduced, costs.value_of_kept_customer, -spent)
    return Effect(tier, free, held_out, reduced, kept, off, limit, saved, assumed)


def difference(held_out: Arm, free: Arm) -> Figure:
    """Return the difference in churn rates, with the interval of Newcombe 1998 from those of Wilson."""
    (rate, low, high), (other, other_low, other_high) = wilson(held_out), wilson(free)
    by = rate - other
    return Figure(by, by - math.hypot(rate - low, other_high - other), by + math.hypot(high - rate, other - other_low))


def success(held_out: Arm, free: Arm) -> Figure | None:
    """Return the share of would-be churners whom an offer keeps, with the interval of the ratio of rates (Katz 1978).

    An offer does nothing where it was not made, so the ratio is spread over the share that got one because it was free.
    None if that share is not positive, or so small that offers would keep more customers than would have churned, or
    if the effect may be that of other offers.
    """
    share = more_offers(held_out, free)
    if share <= 0 or has_others(held_out, free):
        return None
    ratio = (free.churned / free.rows) / (held_out.churned / held_out.rows)
    spread = math.sqrt(1 / free.churned - 1 / free.rows + 1 / held_out.churned - 1 / held_out.rows)
    low, high = ratio * math.exp(-_Z * spread), ratio * math.exp(_Z * spread)
    value = (1 - ratio) / share
    return None if value > 1 else Figure(value, (1 - high) / share, min((1 - low) / share, 1))


def deviation(held_out: Arm, free: Arm, success_rate: float) -> float:
    """Return by how many standard errors more free customers churned than at a success rate.

    This is the score test of a ratio of rates (Farrington and Manning 1990). With few customers it keeps small rates
    of false alarms, where the interval of `success` would find a high success rate up to five times too often.
    """
    ratio = max(1 - success_rate * more_offers(held_out, free), _FINEST)
    rows = held_out.rows + free.rows
    # The churn rate of the held-out customers that is most likely if the ratio holds solves a quadratic equation.
    half = (ratio * (free.rows + held_out.churned) + free.churned + held_out.rows) / (2 * rows * ratio)
    product = (free.churned + held_out.churned) / (rows * ratio)
    rate = product / (half + math.sqrt(max(half**2 - product, 0)))
    variance = ratio * rate * (1 - ratio * rate) / free.rows + ratio**2 * rate * (1 - rate) / held_out.rows
    return (free.churned / free.rows - ratio * held_out.churned / held_out.rows) / math.sqrt(variance)


def more_offers(held_out: Arm, free: Arm) -> float:
    """Return by how much the share that got an offer is larger among those who were not held out."""
    return free.offers / free.rows - held_out.offers / held_out.rows


def has_others(held_out: Arm, free: Arm) -> bool:
    """Return whether the customers who got the offer of another tier are not few."""
    others = max(free.others / free.rows, held_out.others / held_out.rows)
    return others > MOST_OTHERS * max(more_offers(held_out, free), 0)


def wilson(arm: Arm) -> tuple[float, float, float]:
    """Return the churn rate with its 95 % interval (Wilson 1927)."""
    rate, rows = arm.churned / arm.rows, arm.rows
    centre = (rate + _Z**2 / (2 * rows)) / (1 + _Z**2 / rows)
    reach = _Z * math.sqrt(rate * (1 - rate) / rows + _Z**2 / (4 * rows**2)) / (1 + _Z**2 / rows)
    return rate, centre - reach, centre + reach


def _scaled(figure: Figure, by: float, plus: float) -> Figure:
    return Figure(*(end * by + plus for end in (figure.value, figure.low, figure.high)))
