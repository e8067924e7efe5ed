"""Risk policy: the decision threshold for "will churn", the bounds of the three risk tiers, and the costs.

Training chooses the policy, the manifest stores it and this module applies it, so all programs decide in the same way.
"""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

RiskTier = Literal["low", "medium", "high"]


class Offer(BaseModel):
    """The offer to every customer of a tier."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    contact_cost: float = Field(gt=0)
    """Cost for each customer of the tier, whether the offer was needed or not."""
    success_rate: float = Field(gt=0, le=1)
    """Share of the customers who would churn without the offer and stay with it."""


class Costs(BaseModel):
    """Costs of offers and of churn, in one currency. Low-risk customers get no offer.

    >>> costs = Costs(value_of_kept_customer=500, medium=Offer(contact_cost=15, success_rate=0.1),
    ...               high=Offer(contact_cost=85, success_rate=0.3))
    >>> costs.break_even
    (0.3, 0.7)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    currency: str = Field(default="USD", pattern=r"^\S{1,8}$")
    value_of_kept_customer: float = Field(gt=0)
    """Value that is lost when a customer churns."""
    medium: Offer
    high: Offer

    @model_validator(mode="after")
    def _each_offer_has_its_customers(self) -> Self:
        medium, high = self.break_even
        if not 0 < medium < high < 1:
            raise ValueError(
                f"the medium offer pays off from a probability of {medium:.3g}, and the high offer is better from "
                f"{high:.3g}; both must lie between 0 and 1, in ascending order. Make the high offer more expensive "
                "and more successful, the medium offer cheaper, or value_of_kept_customer higher"
            )
        return self

    @property
    def break_even(self) -> tuple[float, float]:
        """Probabilities from which each offer costs least, if probabilities are right; inf means never."""
        medium, high, value = self.medium, self.high, self.value_of_kept_customer
        return (
            _break_even(medium.contact_cost, medium.success_rate * value),
            _break_even(high.contact_cost - medium.contact_cost, (high.success_rate - medium.success_rate) * value),
        )

    def of(self, tier: RiskTier) -> tuple[float, float]:
        """Return the cost of a customer of the tier who would stay, and of one who would churn, with offers."""
        if tier == "low":
            return 0.0, self.value_of_kept_customer
        offer = self.medium if tier == "medium" else self.high
        return offer.contact_cost, offer.contact_cost + (1 - offer.success_rate) * self.value_of_kept_customer


def _break_even(cost: float, gain: float) -> float:
    return round(cost / gain, 12) if gain > 0 else float("inf")  # a gain may be too small for a float


class RiskPolicy(BaseModel):
    """Threshold and tier bounds, as churn probabilities in (0, 1), and the costs they were derived from, if any.

    >>> policy = RiskPolicy()
    >>> policy.tier(0.39), policy.tier(0.4), policy.tier(0.7)
    ('low', 'medium', 'high')
    >>> policy.churns(0.5)
    True
    >>> policy.cost(0.5)
    (0.5, 0.0)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    threshold: float = Field(default=0.5, gt=0, lt=1)
    medium_from: float = Field(default=0.4, gt=0, lt=1)
    high_from: float = Field(default=0.7, gt=0, lt=1)
    costs: Costs | None = None

    @model_validator(mode="after")
    def _bounds_ascend(self) -> Self:
        if self.medium_from >= self.high_from:
            raise ValueError(f"medium_from {self.medium_from} must lie below high_from {self.high_from}")
        return self

    def churns(self, probability: float) -> bool:
        """Return whether a probability in [0, 1] is at least the threshold, which means churn."""
        return probability >= self.threshold

    def tier(self, probability: float) -> RiskTier:
        """Return the tier of a probability in [0, 1]; a bound belongs to the tier above it."""
        if probability >= self.high_from:
            return "high"
        return "medium" if probability >= self.medium_from else "low"

    def cost(self, probability: float) -> tuple[float, float]:
        """Return the cost of a customer of this probability who would stay, and of one who would churn.

        Without costs, an unneeded offer costs `threshold` and a missed churner costs 1 - `threshold`: for these costs
        the threshold is optimal.
        """
        if self.costs is not None:
            return self.costs.of(self.tier(probability))
        return (self.threshold, 0.0) if self.churns(probability) else (0.0, 1 - self.threshold)

    @property
    def at_break_even(self) -> Self:
        """The policy whose bounds are the break-even points of its prices; without prices it stays.

        These cost least where the probabilities are right, as those of a map that was learned anew.
        """
        if self.costs is None:
            return self
        medium, high = self.costs.break_even
        return self.model_copy(update={"threshold": medium, "medium_from": medium, "high_from": high})

    @property
    def cost_in_words(self) -> str:
        """What the cost of a customer is made of, for people.

        >>> RiskPolicy().cost_in_words
        'a missed churner and a needless offer together cost 1'
        """
        if self.costs is None:
            return "a missed churner and a needless offer together cost 1"
        medium, high, value = (
            f"{amount:,g} {self.costs.currency}"
            for amount in (
                self.costs.medium.contact_cost,
                self.costs.high.contact_cost,
                self.costs.value_of_kept_customer,
            )
        )
        return f"an offer costs {medium} at medium and {high} at high risk, and a lost customer {value}"
