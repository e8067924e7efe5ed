"""The client for programs that use asyncio."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
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


class AsyncClient:
    """A client with a pool of connections. Tasks may share it.

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
        self._http = httpx2.AsyncClient(**connection.options(url, key, timeout_seconds, tls))
        self._retries = retries

    async def predict(self, customer: CustomerLike, *, request_id: str = "") -> Prediction:
        """Return the prediction for one customer."""
        return await self._send(operations.predict(customer, request_id))

    async def explain(self, customer: CustomerLike, *, request_id: str = "") -> ExplainedPrediction:
        """Return the prediction for one customer, with its reasons."""
        return await self._send(operations.explain(customer, request_id))

    async def note(self, customer: CustomerLike, *, request_id: str = "") -> NotedPrediction:
        """Return the prediction for one customer, with its reasons and a note for the person who calls."""
        return await self._send(operations.note(customer, request_id))

    async def predict_batch(
        self, customers: Iterable[CustomerLike], *, request_id: str = ""
    ) -> AsyncIterator[Prediction]:
        """Yield the predictions for any number of customers, in their order; one request for up to 10,000."""
        for call in operations.predict_batch(customers, request_id):
            for prediction in (await self._send(call)).predictions:
                yield prediction

    async def explain_batch(
        self, customers: Iterable[CustomerLike], *, request_id: str = ""
    ) -> AsyncIterator[ExplainedPrediction]:
        """Yield the predictions with their reasons, in the order of the customers; one request for up to 2,000."""
        for call in operations.explain_batch(customers, request_id):
            for prediction in (await self._send(call)).predictions:
                yield prediction

    async def report_outcome(self, outcome: Outcome, *, request_id: str = "") -> RecordedOutcome:
        """Report what became of one customer. To report it again changes nothing."""
        return await self._send(operations.report_outcome(outcome, request_id))

    async def report_outcomes(self, outcomes: Iterable[Outcome], *, request_id: str = "") -> RecordedOutcomes:
        """Report any number of outcomes, 10,000 in a request. After an error, report all of them again."""
        calls = operations.report_outcomes(outcomes, request_id)
        return operations.total(RecordedOutcomes, [await self._send(call) for call in calls])

    async def report_treatment(self, treatment: Treatment, *, request_id: str = "") -> RecordedTreatment:
        """Report which offer one customer got. To report it again changes nothing."""
        return await self._send(operations.report_treatment(treatment, request_id))

    async def report_treatments(self, treatments: Iterable[Treatment], *, request_id: str = "") -> RecordedTreatments:
        """Report any number of treatments, 10,000 in a request. After an error, report all of them again."""
        calls = operations.report_treatments(treatments, request_id)
        return operations.total(RecordedTreatments, [await self._send(call) for call in calls])

    async def risk_tiers(self) -> RiskTiers:
        """Return how the model turns a probability into a tier and a decision."""
        return await self._send(operations.risk_tiers())

    async def model(self) -> ModelCard:
        """Return the description of the model."""
        return await self._send(operations.model())

    async def model_card(self) -> str:
        """Return the model card, an HTML page."""
        return await self._send(operations.model_card())

    async def health(self) -> Health | Probe:
        """Return the state of the service: `Health` for operators, `Probe` for others."""
        return await self._send(operations.health())

    async def is_ready(self) -> bool:
        """Return whether the service can predict, after one attempt."""
        try:
            await self._attempt(operations.ready())
        except ClientError:
            return False
        return True

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _send(self, call: Call[T]) -> T:
        patience = Patience(self._retries, is_repeatable=call.is_repeatable)
        while True:
            try:
                return await self._attempt(call)
            except ClientError as error:
                wait = patience.wait_after(error)
                if wait is None:
                    raise
            await asyncio.sleep(wait)

    async def _attempt(self, call: Call[T]) -> T:
        try:
            response = await self._http.request(call.method, call.path, content=call.content, headers=call.headers)
        except NO_ANSWER as error:
            raise call.unreachable(error) from error
        except httpx2.DecodingError as error:
            raise call.unreadable() from error
        return call.result(response)
