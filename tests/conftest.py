"""Fixtures that several parts of the tests share."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from models import declaration
from models.contract import Contract
from models.declaration import AtLeast, Features

REPOSITORY = Path(__file__).parent.parent
TELCO = REPOSITORY.parent / "shared" / "data" / "telco_tickets.csv"


class Subscription(Features):
    """A contract with what the shipped one lacks: text categories, booleans, nullable fields, strict bounds."""

    plan: Literal["basic", "plus", "pro"] = Field(examples=["plus"], json_schema_extra={"unit": "plan"})
    region: Literal["north", "south"] | None = Field(examples=["north"])
    auto_renew: bool = Field(examples=[True])
    newsletter: bool | None = Field(examples=[None])
    seats: int | None = Field(gt=0, lt=1000, examples=[5])
    spend: float = Field(ge=0, le=10_000, examples=[120.5], json_schema_extra={"unit": "EUR"})
    peak_spend: Annotated[float | None, AtLeast("spend")] = Field(ge=0, le=20_000, examples=[150.0])


@pytest.fixture(scope="session")
def second_class() -> type[Features]:
    """A feature class with every kind of field that a user may declare."""
    return Subscription


@pytest.fixture(scope="session")
def second_contract() -> Contract:
    """The contract of that class."""
    return declaration.derive(Subscription)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def telco() -> Path:
    """The real churn table, which is not part of the repository."""
    if not TELCO.exists():
        pytest.skip("the Telco table is not beside the checkout")
    return TELCO
