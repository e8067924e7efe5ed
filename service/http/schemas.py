"""Request and response bodies, except customers (`service.customers`) and problems (`service.http.problem_details`)."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from models.bundles.format.provenance import Provenance
from models.bundles.manifest import Confusion, Importance, Interval, MetricSpread
from models.bundles.pins import Challenger, Mode
from models.bundles.risk import Costs, RiskPolicy, RiskTier
from models.customer.contract import Contract
from models.customer.feature import Feature
from models.customer.history import changes
from models.customer.reasons import MAX_REASONS
from models.features import CONTRACT
from service.model.predictor import Predictor

_PLAIN_MEANINGS: Mapping[RiskTier, str] = {
    "low": "Likely to stay: no action.",
    "medium": "May leave: a cheap contact is worth it.",
    "high": "Likely to leave: contact soon, with an offer.",
}

Status = Literal["healthy", "degraded"]


class Body(BaseModel):
    """Base of all bodies: immutable; the docstring of each field is its description."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Prediction(Body):
    """The prediction for one customer."""

    prediction_id: str = Field(pattern="^[0-9a-f]{32}$", examples=["019ca6b1dc007a4d3f8a3a4f1c2d7e90"])
    """Unique id of this prediction."""
    churn_probability: float = Field(ge=0, le=1, examples=[0.8123])
    """Probability that the customer churns, 0 to 1."""
    churn_prediction: bool = Field(examples=[True])
    """Whether the probability reaches the decision threshold of GET /risk-tiers."""
    risk_tier: RiskTier = Field(examples=["high"])
    """The tier of the probability; GET /risk-tiers has the bounds."""
    model_version: str = Field(examples=["20260301-1a2b3c4d5e6f708192a3b4c5d6e7f809"])
    """Version of the model that made the prediction."""
    prediction_timestamp: AwareDatetime
    """Time of the prediction, UTC."""
    held_out: bool | None = Field(default=None, exclude_if=lambda draw: draw is None)
    """Whether the customer was drawn to get no offer, so that the effect of offers can be measured; absent if the
    service draws none, or without a `customer_id`."""


class Predictions(Body):
    """The predictions of a batch."""

    predictions: list[Prediction]
    """One for each customer, in the order of the request."""


class Explanation(Body):
    """How the features contribute to the log-odds of the probability."""

    base_value: float = Field(examples=[-1.0548])
    """Expected score of a customer when no feature is known."""
    contributions: dict[str, float] = Field(examples=[dict.fromkeys(CONTRACT.names, 0.25)])
    """What each feature adds to the base value; a positive value raises the risk. Exact for the trees (TreeSHAP); if
    the model has a calibration map, scaled so that they add up to the score."""
    score: float = Field(examples=[0.1952])
    """Log-odds of this customer's churn_probability: the base value plus all contributions."""
    raw_score: float = Field(examples=[0.1952])
    """Log-odds from the trees, before calibration; it equals the score if the model has no calibration map."""
    reasons: list[str] = Field(max_length=MAX_REASONS, examples=[["a month-to-month contract raises the risk"]])
    """The features with the largest contributions in words, strongest first; at most three, and none that moves the
    probability by less than 0.1 percentage points."""


class ExplainedPrediction(Prediction):
    """The prediction for one customer, with an explanation."""

    explanation: Explanation
    """The contributions of the features, and reasons in words."""


class ExplainedPredictions(Body):
    """The predictions of a batch, with explanations."""

    predictions: list[ExplainedPrediction]
    """One for each customer, in the order of the request."""


class TierBounds(Body):
    """One risk tier: the probabilities from its lower bound (included) to its upper bound (excluded)."""

    tier: RiskTier
    """The tier's name in predictions."""
    lower_bound: float = Field(ge=0, le=1)
    """Lowest probability in the tier."""
    upper_bound: float = Field(ge=0, le=1)
    """Lowest probability of the next tier; 1 belongs to the last tier."""
    meaning: str
    """The suggested action."""


class RiskTiers(Body):
    """How the served model turns probabilities into decisions."""

    decision_threshold: float = Field(gt=0, lt=1)
    """Lowest probability that counts as churn."""
    tiers: list[TierBounds]
    """All tiers, in ascending order."""
    costs: Costs | None
    """Costs from which the bounds were derived, for customers and offers; null if the bounds are defaults."""

    @classmethod
    def of(cls, policy: RiskPolicy) -> Self:
        """Build the body from a policy."""
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
        return "No offer: none would pay off."
    offer = costs.medium if tier == "medium" else costs.high
    return (
        f"The offer for {offer.contact_cost:,g} {costs.currency} costs least: it keeps {offer.success_rate:.0%} of "
        f"those who would leave, each worth {costs.value_of_kept_customer:,g}."
    )


class Metric(Body):
    """One figure of the model on the test set."""

    value: float
    """The figure."""
    interval: Interval | None
    """Its 95 % confidence interval."""


class Tried(Body):
    """The challenger, a second model beside the champion."""

    version: str
    """Its version in the store."""
    mode: Mode
    """`shadow`: its predictions are not returned. `canary`: it answers a share of those with a `customer_id`."""
    share: float | None
    """The canary's share of the customers, 0 to 1; null for a shadow."""

    @classmethod
    def of(cls, challenger: Challenger | None) -> Self | None:
        """Build the body from a pin's challenger."""
        share = challenger.share if challenger and challenger.mode == "canary" else None
        return cls(version=challenger.version, mode=challenger.mode, share=share) if challenger else None


class ModelCard(Body):
    """The served model."""

    version: str
    """Its version in the store."""
    trained_at: AwareDatetime
    """When it was trained, UTC."""
    fingerprint: str
    """SHA-256 of the schema of the features that it was trained on."""
    contract_changes: list[str]
    """What has changed in the features since its training; empty if nothing has."""
    features: tuple[Feature, ...]
    """The features of a customer, with bounds (ge, gt, le, lt), unit, labels, and learned levels that are not rare."""
    ranges: dict[str, tuple[float, float]]
    """Lowest and highest value of each number at which its trees split; beyond them, its answers do not change."""
    importance: dict[str, Importance]
    """Importance of each feature: its share of what the trees' splits gain, and the ROC-AUC lost without its values."""
    metrics: dict[str, Metric]
    """Its figures on the test set."""
    confusion: Confusion
    """Confusion matrix of the test set."""
    cross_validation: dict[str, dict[str, MetricSpread]]
    """Cross-validation figures on the training set, of this algorithm and of simpler ones."""
    data: Provenance
    """Source of the training rows."""
    libraries: dict[str, str]
    """Versions of the libraries that trained it."""
    challenger: Tried | None
    """The challenger; null if there is none."""

    @classmethod
    def of(cls, champion: Predictor, challenger: Challenger | None, contract: Contract = CONTRACT) -> Self:
        """Build the body from the served model, with the names of today."""
        manifest, of = champion.manifest, champion.manifest.intervals.get
        same = {name: value for name, value in manifest if name in cls.model_fields.keys() - {"features", "metrics"}}
        same["metrics"] = {name: Metric(value=value, interval=of(name)) for name, value in manifest.metrics.items()}
        same["contract_changes"] = champion.contract_changes
        names, share = changes.pair(manifest.features, contract), manifest.importance
        same["importance"] = {names[name]: share[name] for name in share if name in names}
        same["features"] = contract.for_clients_of(champion.contract)
        ranges = champion.explainer.ranges.items()
        same["ranges"] = {name: ends for name, ends in ranges if name not in champion.contract.absent}
        return cls(**same, challenger=Tried.of(challenger))


class Health(Body):
    """State of the service."""

    status: Status
    """`degraded` if a pinned model was refused, or predictions do not reach the log's database."""
    model_loaded: bool
    """Whether the service can predict."""
    uptime_seconds: float = Field(ge=0)
    """Time since the start of the process."""
    reason: str | None = None
    """Why it is degraded, and the remedy."""
    challenger: Tried | None
    """The challenger; null if there is none, or if it was refused."""
    contract_changes: list[str]
    """What has changed in the features since the served model's training; empty if nothing has."""


class Probe(Body):
    """The answer to a probe."""

    status: Status | Literal["alive", "ready"]
    """State of the process or of the service."""
