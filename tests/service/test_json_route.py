"""The route by itself, with a body that is no customer."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, field_validator
from starlette.testclient import TestClient

from service.json_route import THREAD_FROM_BYTES, JsonRoute
from service.settings import Settings

router = APIRouter(route_class=JsonRoute)


class Checked(BaseModel):
    """Where it was checked, and where its endpoint ran."""

    checked_in: int
    answered_in: int = 0

    @field_validator("checked_in")
    @classmethod
    def remember(cls, _sent: int) -> int:
        return threading.get_ident()


@router.post("/")
async def echo(body: Checked) -> Checked:
    return body.model_copy(update={"answered_in": threading.get_ident()})


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    yield {"settings": Settings()}


@pytest.mark.parametrize(("size_bytes", "in_a_thread"), [(THREAD_FROM_BYTES, False), (THREAD_FROM_BYTES + 1, True)])
def test_a_large_body_is_checked_in_a_thread(size_bytes: int, *, in_a_thread: bool) -> None:
    app = FastAPI(lifespan=lifespan)
    app.include_router(router)
    body = b'{"checked_in":0}'.ljust(size_bytes)
    with TestClient(app) as client:
        seen = client.post("/", content=body, headers={"Content-Type": "application/json"}).json()

    assert (seen["checked_in"] != seen["answered_in"]) is in_a_thread
