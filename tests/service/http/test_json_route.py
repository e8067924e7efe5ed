"""The route by itself, with a body that is not a customer."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

import pytest
from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel, Field, field_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from models.customer.declaration import Features
from models.customer.kinds.levels import Levels
from service.customers import LEVELS
from service.errors import RequestInvalid
from service.http import problem_details
from service.http.json_route import Finish, JsonRoute
from service.http.request_bodies import BATCH_FROM_BYTES, RequestBodies, ThreadQueue

router = APIRouter(route_class=JsonRoute)


class Checked(BaseModel):
    """Where it was checked, where its endpoint ran, and where the event loop does."""

    checked_in: int
    answered_in: int = 0
    loop_in: int = 0

    @field_validator("checked_in")
    @classmethod
    def remember(cls, _sent: int) -> int:
        return threading.get_ident()


async def of_the_loop(_request: Request) -> int:
    return threading.get_ident()


@router.post("/", response_model=Checked)
def echo(body: Checked, loop_in: Annotated[int, Depends(of_the_loop)]) -> bytes:
    seen = body.model_copy(update={"answered_in": threading.get_ident(), "loop_in": loop_in})
    return seen.model_dump_json().encode()


CITIES = tuple(f"city-{number}" for number in range(1_200))


class Placed(Features):
    """A customer with one of many cities."""

    city: Literal[CITIES] = Field(examples=[CITIES[0]])  # type: ignore[valid-type]  # no type checker can read it


class PlacedBatch(BaseModel):
    """Many of them."""

    customers: list[Placed]


@router.post("/placed", response_model=PlacedBatch)
def echo_places(body: PlacedBatch) -> bytes:
    return body.model_dump_json().encode()


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    yield {"intake": RequestBodies(1_000_000)}


@router.post("/slow", response_model=Checked)
def echo_slowly(
    body: Annotated[Checked, ThreadQueue("outcomes", from_bytes=0)], loop_in: Annotated[int, Depends(of_the_loop)]
) -> bytes:
    return echo(body, loop_in)


@router.post("/maybe", response_model=Checked)
def echo_maybe_slowly(
    body: Checked,
    loop_in: Annotated[int, Depends(of_the_loop)],
    *,
    slowly: Annotated[bool, ThreadQueue("outcomes", from_bytes=0)] = False,  # noqa: ARG001  # only where it runs depends on it
) -> bytes:
    return echo(body, loop_in)


@router.post("/later", response_model=Checked)
def echo_later(
    body: Annotated[Checked, ThreadQueue("outcomes", from_bytes=0)], loop_in: Annotated[int, Depends(of_the_loop)]
) -> Finish:
    async def finish() -> bytes:
        return echo(body, loop_in)

    return finish


@pytest.mark.parametrize(
    ("path", "size_bytes", "in_a_thread"),
    [
        ("/", BATCH_FROM_BYTES - 1, False),
        ("/", BATCH_FROM_BYTES, True),
        ("/slow", 0, True),
        ("/maybe", 0, False),
        ("/maybe?slowly=false", 0, False),
        ("/maybe?slowly=true", 0, True),
    ],
)
def test_a_body_that_takes_long_is_checked_and_answered_in_a_thread(
    path: str, size_bytes: int, *, in_a_thread: bool
) -> None:
    app = FastAPI(lifespan=lifespan)
    app.include_router(router)
    body = b'{"checked_in":0}'.ljust(size_bytes)
    with TestClient(app) as client:
        seen = client.post(path, content=body, headers={"Content-Type": "application/json"}).json()

    assert seen["checked_in"] == seen["answered_in"]
    assert (seen["answered_in"] != seen["loop_in"]) is in_a_thread


async def answer_problem(_request: Request, error: Exception) -> Response:
    return problem_details.answer(error)


@pytest.mark.parametrize("indexed", [True, False])
def test_of_many_levels_ten_are_named_and_the_answer_stays_short(
    monkeypatch: pytest.MonkeyPatch, *, indexed: bool
) -> None:
    if indexed:
        monkeypatch.setitem(LEVELS, "city", Levels(CITIES))
    app = FastAPI(lifespan=lifespan)
    app.exception_handler(RequestInvalid)(answer_problem)
    app.include_router(router)
    with TestClient(app) as client:
        body = {"customers": [{"city": f"City {number}"} for number in range(600, 1_101)]}
        refused = client.post("/placed", json=body)

    first = refused.json()["errors"][0]["message"]
    assert first.startswith("Input should be one of 1,200 values, such as 'city-")
    assert first.count("'city-") == 10
    assert ("such as 'city-600', " in first) is indexed
    assert len(refused.content) < 100 * 350


def test_what_has_to_wait_is_awaited_in_the_loop_after_the_thread() -> None:
    app = FastAPI(lifespan=lifespan)
    app.include_router(router)
    with TestClient(app) as client:
        seen = client.post("/later", json={"checked_in": 0}).json()

    assert seen["checked_in"] != seen["answered_in"] == seen["loop_in"]
