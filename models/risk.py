"""From a probability to a decision: the threshold for "will churn" and the bounds of the three risk tiers.

The policy is made in training, travels in the manifest and is applied here, so that every program decides alike.
Knows nothing of how a probability came about.
"""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

RiskTier = Literal["low", "medium", "high"]


class RiskPolicy(BaseModel):
    """Bounds in probability of churn, each in (0, 1).

    >>> policy = RiskPolicy()
    >>> policy.tier(0.39), policy.tier(0.4), policy.tier(0.7)
    ('low', 'medium', 'high')
    >>> policy.churns(0.5)
    True
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float = Field(default=0.5, gt=0, lt=1)
    medium_from: float = Field(default=0.4, gt=0, lt=1)
    high_from: float = Field(default=0.7, gt=0, lt=1)

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
