"""The bodies of requests and answers, apart from the customer, which is `models.features`, and problems."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from models.bundles.manifest import Confusion, Interval, Manifest, Provenance, Spread
from models.bundles.pins import Challenger, Mode
from models.bundles.risk import Costs, RiskPolicy, RiskTier
from models.customer.contract import Feature
from models.customer.reasons import MAX_REASONS
from models.features import CONTRACT
from models.log.outcomes import MAX_OUTCOMES, Outcome

_PLAIN_MEANINGS: Mapping[RiskTier, str] = {
    "low": "Likely to stay: no action.",
    "medium": "May leave: a cheap contact is worth it.",
    "high": "Likely to leave: contact soon, with an offer.",
}


class Body(BaseModel):
    """Base of all bodies: fixed once made, each field described by the words under it."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Prediction(Body):
    """What the model expects of one customer."""

    prediction_id: str = Field(pattern="^[0-9a-f]{32}$", examples=["019ca6b1dc007a4d3f8a3a4f1c2d7e90"])
    """Unique name of this prediction."""
    churn_probability: float = Field(ge=0, le=1, examples=[0.8123])
    """Probability that the customer leaves, 0 to 1."""
    churn_prediction: bool = Field(examples=[True])
    """Whether the probability reaches the decision threshold of GET /risk-tiers."""
    risk_tier: RiskTier = Field(examples=["high"])
    """The tier of the probability; GET /risk-tiers has the bounds."""
    model_version: str = Field(examples=["20260301-1a2b3c4d"])
    """The model that answered."""
    prediction_timestamp: AwareDatetime
    """When it answered, UTC."""


class Predictions(Body):
    """The predictions of a batch."""

    predictions: list[Prediction]
    """One for each customer, in the order of the request."""


class Explanation(Body):
    """Why the model says what it says, in log-odds before calibration."""

    base_value: float = Field(examples=[-1.0548])
    """What the model says of a customer of whom nothing is known."""
    contributions: dict[str, float] = Field(examples=[dict.fromkeys(CONTRACT.names, 0.25)])
    """What each feature adds to it; above 0 it raises the risk. Exact (TreeSHAP)."""
    raw_score: float = Field(examples=[0.1952])
    """What the model says of this customer: the base value and all contributions added up."""
    reasons: list[str] = Field(max_length=MAX_REASONS, examples=[["a month-to-month contract raises the risk"]])
    """The features that add or take most, in words, the strongest first; at most three."""


class ExplainedPrediction(Prediction):
    """What the model expects of one customer, and why."""

    explanation: Explanation
    """Why."""


class ExplainedPredictions(Body):
    """The predictions of a batch, and why they are so."""

    predictions: list[ExplainedPrediction]
    """One for each customer, in the order of the request."""


class OutcomeBatch(Body):
    """Outcomes to be recorded together."""

    model_config = ConfigDict(extra="forbid", strict=True)

    outcomes: list[Outcome] = Field(min_length=1, max_length=MAX_OUTCOMES)
    """One to 10,000 outcomes; one that cannot be recorded refuses them all."""


class RecordedOutcome(Body):
    """What the log holds of a prediction's outcome."""

    prediction_id: str
    """The name of the prediction."""
    churned: bool
    """Whether the customer left."""
    observed_at: AwareDatetime
    """When that was seen, as it was reported first; UTC."""
    recorded_at: AwareDatetime
    """When it was reported first, UTC."""


class RecordedOutcomes(Body):
    """What became of a batch of outcomes."""

    new: int
    """Outcomes that were recorded now."""
    known: int
    """Outcomes that had been recorded before."""


class TierBounds(Body):
    """One risk tier: the probabilities from its lower bound up to, but without, its upper bound."""

    tier: RiskTier
    """The tier's name in predictions."""
    lower_bound: float = Field(ge=0, le=1)
    """Least probability that belongs to the tier."""
    upper_bound: float = Field(ge=0, le=1)
    """Where the next tier begins; 1 belongs to the last tier."""
    meaning: str
    """What the tier suggests to do."""


class RiskTiers(Body):
    """How the model that serves turns probabilities into decisions."""

    decision_threshold: float = Field(gt=0, lt=1)
    """Least probability that counts as churn."""
    tiers: list[TierBounds]
    """All tiers, ascending."""
    costs: Costs | None
    """What the bounds were made from: what is lost with a customer, and what each tier's offer costs and achieves; null
    where they are plain defaults."""

    @classmethod
    def of(cls, policy: RiskPolicy) -> Self:
        """Spell out a policy."""
        bounds: list[tuple[RiskTier, float, float]] = [
            ("low", 0, policy.medium_from),
            ("medium", policy.medium_from, policy.high_from),
            ("high", policy.high_from, 1),
        ]
        return cls(
            decision_threshold=policy.threshold,
            tiers=[
                TierBounds(tier=tier, lower_bound=lower, upper_bound=upper, meaning=_meaning(tier, policy.costs))
                for tier, lower, upper in bounds
            ],
            costs=policy.costs,
        )


def _meaning(tier: RiskTier, costs: Costs | None) -> str:
    if costs is None:
        return _PLAIN_MEANINGS[tier]
    if tier == "low":
        return "Left alone: no offer would pay."
    offer = costs.medium if tier == "medium" else costs.high
    return (
        f"The offer for {offer.contact_cost:,g} {costs.currency} costs least: it keeps {offer.success_rate:.0%} of "
        f"those who would leave, each worth {costs.value_of_kept_customer:,g}."
    )


class Metric(Body):
    """One figure of the model on customers that it was not trained on."""

    value: float
    """The figure."""
    interval: Interval | None
    """Its 95 % confidence interval."""


class Tried(Body):
    """A second model beside the one that serves."""

    version: str
    """Its name in the store."""
    mode: Mode
    """`shadow`: it is asked the same and answers nobody. `canary`: it answers a share of the customers with a name."""
    share: float | None
    """That share, 0 to 1; null for a shadow."""

    @classmethod
    def of(cls, challenger: Challenger | None) -> Self | None:
        """Tell what a pin says of a challenger."""
        if challenger is None:
            return None
        share = challenger.share if challenger.mode == "canary" else None
        return cls(version=challenger.version, mode=challenger.mode, share=share)


class ModelCard(Body):
    """The model that serves."""

    version: str
    """Its name in the store."""
    trained_at: AwareDatetime
    """When it was trained, UTC."""
    fingerprint: str
    """SHA-256 of the features' schema; service and model agree on it."""
    features: tuple[Feature, ...]
    """What it asks of a customer, with bounds (ge, gt, le, lt), unit and labels."""
    metrics: dict[str, Metric]
    """Its figures on the test set."""
    confusion: Confusion
    """Customers of the test set by decision and outcome."""
    cross_validation: dict[str, dict[str, Spread]]
    """Figures over the folds of the training set, of this algorithm and of simpler ones."""
    data: Provenance
    """What it was trained on."""
    libraries: dict[str, str]
    """Versions that trained it."""
    challenger: Tried | None
    """What is tried beside it; null for none."""

    @classmethod
    def of(cls, manifest: Manifest, challenger: Challenger | None) -> Self:
        """Tell what a manifest says of its model."""
        told = {name: value for name, value in manifest if name in cls.model_fields.keys() - {"features", "metrics"}}
        intervals = manifest.intervals
        metrics = {name: Metric(value=value, interval=intervals.get(name)) for name, value in manifest.metrics.items()}
        return cls(**told, features=CONTRACT.features, metrics=metrics, challenger=Tried.of(challenger))


class Health(Body):
    """How the service is."""

    status: Literal["healthy", "degraded"]
    """`degraded` when a model that is pinned was refused, or predictions do not reach the log's database."""
    model_loaded: bool
    """Whether predictions are answered."""
    uptime_seconds: float = Field(ge=0)
    """Time since the start of the process."""
    reason: str | None = None
    """Why it is degraded, and the remedy."""
    challenger: Tried | None
    """What is tried beside the model that serves; null for none, and for one that was refused."""


class Probe(Body):
    """What an orchestrator asks for."""

    status: Literal["alive", "ready"]
    """The answer."""
