"""From a probability to a decision: the threshold for "will churn", the bounds of the three risk tiers, what it costs.

The policy is made in training, travels in the manifest and is applied here, so that every program decides alike.
"""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

RiskTier = Literal["low", "medium", "high"]


class Offer(BaseModel):
    """What is done for every customer of a tier."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contact_cost: float = Field(gt=0)
    """Of each customer, whether it was needed or not."""
    success_rate: float = Field(gt=0, le=1)
    """Share of the customers who would have left and now stay."""


class Costs(BaseModel):
    """What errors cost, in one currency. Low-risk customers are left alone.

    >>> costs = Costs(value_of_kept_customer=500, medium=Offer(contact_cost=15, success_rate=0.1),
    ...               high=Offer(contact_cost=85, success_rate=0.3))
    >>> costs.break_even
    (0.3, 0.7)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: str = Field(default="USD", pattern=r"^\S{1,8}$")
    value_of_kept_customer: float = Field(gt=0)
    """What is lost with a customer who leaves."""
    medium: Offer
    high: Offer

    @model_validator(mode="after")
    def _each_offer_has_its_customers(self) -> Self:
        medium, high = self.break_even
        if not 0 < medium < high < 1:
            raise ValueError(
                f"the medium offer pays from a probability of {medium:.3g} on, and the high offer pays more than it "
                f"from {high:.3g} on; they must ascend between 0 and 1. Make the high offer dearer and more "
                "successful, the medium one cheaper, or the value higher"
            )
        return self

    @property
    def break_even(self) -> tuple[float, float]:
        """The probabilities from which on each offer costs least, if probabilities are right; inf for never."""
        dearer = self.high.contact_cost - self.medium.contact_cost
        better = self.high.success_rate - self.medium.success_rate
        return (
            round(self.medium.contact_cost / (self.medium.success_rate * self.value_of_kept_customer), 12),
            round(dearer / (better * self.value_of_kept_customer), 12) if better > 0 else float("inf"),
        )

    def of(self, tier: RiskTier) -> tuple[float, float]:
        """Return what a customer of the tier costs who would stay, and one who would leave, offers included."""
        if tier == "low":
            return 0.0, self.value_of_kept_customer
        offer = self.medium if tier == "medium" else self.high
        return offer.contact_cost, offer.contact_cost + (1 - offer.success_rate) * self.value_of_kept_customer


class RiskPolicy(BaseModel):
    """Bounds in probability of churn, each in (0, 1), and the costs that they were made from, if any.

    >>> policy = RiskPolicy()
    >>> policy.tier(0.39), policy.tier(0.4), policy.tier(0.7)
    ('low', 'medium', 'high')
    >>> policy.churns(0.5)
    True
    >>> policy.cost(0.5)
    (0.5, 0.0)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

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
        """Decide on a probability in [0, 1]; the threshold itself counts as churn."""
        return probability >= self.threshold

    def tier(self, probability: float) -> RiskTier:
        """Name the tier of a probability in [0, 1]; a bound belongs to the tier above it."""
        if probability >= self.high_from:
            return "high"
        return "medium" if probability >= self.medium_from else "low"

    def cost(self, probability: float) -> tuple[float, float]:
        """Return what a customer of this probability costs who would stay, and one who would leave.

        Without costs a needless offer costs the threshold and a missed churner 1 - threshold: the costs for which this
        threshold is the best.
        """
        if self.costs is not None:
            return self.costs.of(self.tier(probability))
        return (self.threshold, 0.0) if self.churns(probability) else (0.0, 1 - self.threshold)
