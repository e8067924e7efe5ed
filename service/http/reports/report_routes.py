"""The endpoints that clients report to: outcomes, and the treatments that were given before."""

import operator
from typing import Annotated

from fastapi import APIRouter
from fastapi.routing import APIRoute

from models.log.outcomes import Outcome
from models.log.treatments import Treatment
from service.http import api_docs
from service.http.json_route import JsonRoute
from service.http.reports.report_schemas import (
    OutcomeBatch,
    RecordedOutcome,
    RecordedOutcomes,
    RecordedTreatment,
    RecordedTreatments,
    TreatmentBatch,
)
from service.http.request_bodies import BodyLimit, ThreadQueue
from service.http.routes import BATCH_VALUES, ONE_CUSTOMER_BYTES
from service.http.state import Client, Recording

IN_THREAD = ThreadQueue("outcomes", from_bytes=0)
"""Recording a report waits for the database."""

router = APIRouter(
    route_class=JsonRoute, responses=api_docs.problems(500), generate_unique_id_function=operator.attrgetter("name")
)


@router.post(
    "/outcomes",
    summary="Report one outcome",
    tags=["outcomes"],
    response_model=RecordedOutcome,
    responses=api_docs.problems(404, 409, 413, 415, 422, 503),
)
def report_outcome(
    outcome: Annotated[Outcome, BodyLimit(size_bytes=ONE_CUSTOMER_BYTES), IN_THREAD],
    outcomes: Recording,
    client: Client,
) -> bytes:
    """Report whether the customer of a prediction churned. Repeating it changes nothing and gets the same answer.

    The outcome is stored as that of the client. A client that reports the opposite later gets 409. Another client may
    report another outcome of the same prediction.
    """
    [recorded] = outcomes.record([outcome], reported_by=client)
    return RecordedOutcome.model_validate(recorded, from_attributes=True).model_dump_json().encode()


@router.post(
    "/outcomes/batch",
    summary="Report many outcomes",
    tags=["outcomes"],
    response_model=RecordedOutcomes,
    responses=api_docs.problems(404, 409, 413, 415, 422, 503),
)
def report_outcomes(
    batch: Annotated[OutcomeBatch, BodyLimit(values=BATCH_VALUES), IN_THREAD], outcomes: Recording, client: Client
) -> bytes:
    """Report up to 10,000 outcomes. If one cannot be recorded, none is; up to 100 such outcomes are listed."""
    new = sum(recorded.is_new for recorded in outcomes.record(batch.outcomes, reported_by=client))
    return RecordedOutcomes(new=new, known=len(batch.outcomes) - new).model_dump_json().encode()


@router.post(
    "/treatments",
    summary="Report one treatment",
    tags=["outcomes"],
    response_model=RecordedTreatment,
    responses=api_docs.problems(404, 409, 413, 415, 422, 503),
)
def report_treatment(
    treatment: Annotated[Treatment, BodyLimit(size_bytes=ONE_CUSTOMER_BYTES), IN_THREAD],
    outcomes: Recording,
    client: Client,
) -> bytes:
    """Report which offer the customer of a prediction got, or that there was none, when that is decided.

    Repeating it changes nothing and gets the same answer. A different offer for the same prediction gets 409, whoever
    reports it.
    """
    [recorded] = outcomes.record_treatments([treatment], reported_by=client)
    return RecordedTreatment.model_validate(recorded, from_attributes=True).model_dump_json().encode()


@router.post(
    "/treatments/batch",
    summary="Report many treatments",
    tags=["outcomes"],
    response_model=RecordedTreatments,
    responses=api_docs.problems(404, 409, 413, 415, 422, 503),
)
def report_treatments(
    batch: Annotated[TreatmentBatch, BodyLimit(values=BATCH_VALUES), IN_THREAD], outcomes: Recording, client: Client
) -> bytes:
    """Report up to 10,000 treatments. If one cannot be recorded, none is; up to 100 such treatments are listed."""
    recorded = outcomes.record_treatments(batch.treatments, reported_by=client)
    new = sum(one.is_new for one in recorded)
    return RecordedTreatments(new=new, known=len(batch.treatments) - new).model_dump_json().encode()


BY_PATH = {route.path: route for route in router.routes if isinstance(route, APIRoute)}
