"""The client for programs that wait for each answer."""

import ssl
import time
from collections.abc import Iterable, Iterator
from typing import Self, TypeVar

import httpx2

from churn_client import connection, operations
from churn_client.call import NO_ANSWER, Call
from churn_client.errors import ClientError
from churn_client.operations import CustomerLike
from churn_client.retries import Patience, Retries
from churn_client.schemas import (
    ExplainedPrediction,
    Health,
    ModelCard,
    NotedPrediction,
    Outcome,
    Prediction,
    Probe,
    RecordedOutcome,
    RecordedOutcomes,
    RecordedTreatment,
    RecordedTreatments,
    RiskTiers,
    Treatment,
)

T = TypeVar("T")


class Client:
    """A client with a pool of connections. Threads may share it.

    Every call raises `ClientError` if it fails. Wrong arguments are a `ValueError` or `TypeError`.

    `request_id` is your own id of a request, which the service logs and returns; without one, the client draws one.
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        timeout_seconds: float = 10,
        retries: Retries = Retries(),  # noqa: B008  # immutable
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`timeout_seconds` limits each wait for the connection and the answer; `tls` trusts other certificates."""
        self._http = httpx2.Client(**connection.options(url, key, timeout_seconds, tls))
        self._retries = retries

    def predict(self, customer: CustomerLike, *, request_id: str = "") -> Prediction:
        """Return the prediction for one customer."""
        return self._send(operations.predict(customer, request_id))

    def explain(self, customer: CustomerLike, *, request_id: str = "") -> ExplainedPrediction:
        """Return the prediction for one customer, with its reasons."""
        return self._send(operations.explain(customer, request_id))

    def note(self, customer: CustomerLike, *, request_id: str = "") -> NotedPrediction:
        """Return the prediction for one customer, with its reasons and a note for the person who calls."""
        return self._send(operations.note(customer, request_id))

    def predict_batch(self, customers: Iterable[CustomerLike], *, request_id: str = "") -> Iterator[Prediction]:
        """Yield the predictions for any number of customers, in their order; one request for up to 10,000."""
        for call in operations.predict_batch(customers, request_id):
            yield from self._send(call).predictions

    def explain_batch(
        self, customers: Iterable[CustomerLike], *, request_id: str = ""
    ) -> Iterator[ExplainedPrediction]:
        """Yield the predictions with their reasons, in the order of the customers; one request for up to 2,000."""
        for call in operations.explain_batch(customers, request_id):
            yield from self._send(call).predictions

    def report_outcome(self, outcome: Outcome, *, request_id: str = "") -> RecordedOutcome:
        """Report what became of one customer. To report it again changes nothing."""
        return self._send(operations.report_outcome(outcome, request_id))

    def report_outcomes(self, outcomes: Iterable[Outcome], *, request_id: str = "") -> RecordedOutcomes:
        """Report any number of outcomes, 10,000 in a request. After an error, report all of them again."""
        calls = operations.report_outcomes(outcomes, request_id)
        return operations.total(RecordedOutcomes, [self._send(call) for call in calls])

    def report_treatment(self, treatment: Treatment, *, request_id: str = "") -> RecordedTreatment:
        """Report which offer one customer got. To report it again changes nothing."""
        return self._send(operations.report_treatment(treatment, request_id))

    def report_treatments(self, treatments: Iterable[Treatment], *, request_id: str = "") -> RecordedTreatments:
        """Report any number of treatments, 10,000 in a request. After an error, report all of them again."""
        calls = operations.report_treatments(treatments, request_id)
        return operations.total(RecordedTreatments, [self._send(call) for call in calls])

    def risk_tiers(self) -> RiskTiers:
        """Return how the model turns a probability into a tier and a decision."""
        return self._send(operations.risk_tiers())

    def model(self) -> ModelCard:
        """Return the description of the model."""
        return self._send(operations.model())

    def model_card(self) -> str:
        """Return the model card, an HTML page."""
        return self._send(operations.model_card())

    def health(self) -> Health | Probe:
        """Return the state of the service: `Health` for operators, `Probe` for others."""
        return self._send(operations.health())

    def is_ready(self) -> bool:
        """Return whether the service can predict, after one attempt."""
        try:
            self._attempt(operations.ready())
        except ClientError:
            return False
        return True

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, call: Call[T]) -> T:
        patience = Patience(self._retries, is_repeatable=call.is_repeatable)
        while True:
            try:
                return self._attempt(call)
            except ClientError as error:
                wait = patience.wait_after(error)
                if wait is None:
                    raise
            time.sleep(wait)

    def _attempt(self, call: Call[T]) -> T:
        try:
            response = self._http.request(call.method, call.path, content=call.content, headers=call.headers)
        except NO_ANSWER as error:
            raise call.unreachable(error) from error
        except httpx2.DecodingError as error:
            raise call.unreadable() from error
        return call.result(response)
