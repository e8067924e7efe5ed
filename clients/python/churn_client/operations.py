"""The operations of the service as calls."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from churn_client import batches
from churn_client.call import Call
from churn_client.decoding import build
from churn_client.schemas import (
    Customer,
    ExplainedPrediction,
    ExplainedPredictions,
    Health,
    ModelCard,
    NotedPrediction,
    Outcome,
    Prediction,
    Predictions,
    Probe,
    RecordedOutcome,
    RecordedOutcomes,
    RecordedTreatment,
    RecordedTreatments,
    RiskTiers,
    Treatment,
)

T = TypeVar("T")
Recorded = TypeVar("Recorded", RecordedOutcomes, RecordedTreatments)
CustomerLike = Customer | Mapping[str, Any]
"""A customer, or the values of its fields by name."""
EXPLAINED, NOTED = "?explain=true", "?note=true"


def predict(customer: CustomerLike, request_id: str) -> Call[Prediction]:
    """Predict one customer."""
    return Call("/predict", _read(Prediction), batches.encode(customer), request_id, is_repeatable=False)


def explain(customer: CustomerLike, request_id: str) -> Call[ExplainedPrediction]:
    """Predict and explain one customer."""
    content = batches.encode(customer)
    return Call(f"/predict{EXPLAINED}", _read(ExplainedPrediction), content, request_id, is_repeatable=False)


def note(customer: CustomerLike, request_id: str) -> Call[NotedPrediction]:
    """Predict and explain one customer, and write a note."""
    content = batches.encode(customer)
    return Call(f"/predict{NOTED}", _read(NotedPrediction), content, request_id, is_repeatable=False)


def predict_batch(customers: Iterable[CustomerLike], request_id: str) -> Iterator[Call[Predictions]]:
    """Predict any number of customers."""
    for first, content in batches.split("customers", customers, batches.MAX_ROWS):
        yield Call("/predict/batch", _read(Predictions), content, request_id, is_repeatable=False, first_row=first)


def explain_batch(customers: Iterable[CustomerLike], request_id: str) -> Iterator[Call[ExplainedPredictions]]:
    """Predict and explain any number of customers."""
    path, read = f"/predict/batch{EXPLAINED}", _read(ExplainedPredictions)
    for first, content in batches.split("customers", customers, batches.MAX_EXPLAINED_ROWS):
        yield Call(path, read, content, request_id, is_repeatable=False, first_row=first)


def report_outcome(outcome: Outcome, request_id: str) -> Call[RecordedOutcome]:
    """Report one outcome."""
    return Call("/outcomes", _read(RecordedOutcome), batches.encode(outcome), request_id)


def report_outcomes(outcomes: Iterable[Outcome], request_id: str) -> Iterator[Call[RecordedOutcomes]]:
    """Report any number of outcomes."""
    for first, content in batches.split("outcomes", outcomes, batches.MAX_ROWS):
        yield Call("/outcomes/batch", _read(RecordedOutcomes), content, request_id, first_row=first)


def report_treatment(treatment: Treatment, request_id: str) -> Call[RecordedTreatment]:
    """Report one treatment."""
    return Call("/treatments", _read(RecordedTreatment), batches.encode(treatment), request_id)


def report_treatments(treatments: Iterable[Treatment], request_id: str) -> Iterator[Call[RecordedTreatments]]:
    """Report any number of treatments."""
    for first, content in batches.split("treatments", treatments, batches.MAX_ROWS):
        yield Call("/treatments/batch", _read(RecordedTreatments), content, request_id, first_row=first)


def total(kind: type[Recorded], recorded: Iterable[Recorded]) -> Recorded:
    """Add up the answers of several batches."""
    answers = list(recorded)
    return kind(new=sum(each.new for each in answers), known=sum(each.known for each in answers))


def risk_tiers() -> Call[RiskTiers]:
    """Get the tiers."""
    return Call("/risk-tiers", _read(RiskTiers))


def model() -> Call[ModelCard]:
    """Get the description of the model."""
    return Call("/model", _read(ModelCard))


def model_card() -> Call[str]:
    """Get the page of the model."""
    return Call("/model/card", bytes.decode)


def health() -> Call[Health | Probe]:
    """Get the state of the service."""
    return Call("/health", _health)


def ready() -> Call[Probe]:
    """Ask whether the service can predict."""
    return Call("/health/ready", _read(Probe))


def _read(kind: type[T]) -> Callable[[bytes], T]:
    return lambda content: build(kind, json.loads(content))


def _health(content: bytes) -> Health | Probe:
    raw = json.loads(content)
    return build(Health, raw) if "uptime_seconds" in raw else build(Probe, raw)
