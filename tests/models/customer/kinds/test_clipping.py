"""A number beyond the bounds of a clipped field is set to the nearer one and counted, in requests and in tables."""

import json
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pytest
from pydantic import Field, ValidationError, create_model

from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.customer import checks
from models.customer.declaration import Age, AtLeast, Clipped, Features, derive
from models.customer.kinds import clipping
from models.errors import ContractError


class _Customer(Features):
    fee: Annotated[float, Clipped()] = Field(ge=0, le=200, examples=[90.0])
    seats: Annotated[int | None, Clipped()] = Field(ge=1, le=9, examples=[3])
    signed: Annotated[float, Clipped(), Age("days")] = Field(ge=0, le=900, examples=[30.0])
    total: Annotated[float, AtLeast("fee")] = Field(ge=0, le=1_000, examples=[90.0])


CONTRACT = derive(_Customer)


def customer(**changes: Any) -> _Customer:
    return _Customer.model_validate_json(json.dumps(CONTRACT.example | changes))


@pytest.mark.parametrize(
    ("field", "sent", "kept"),
    [
        ("fee", -3, 0),
        ("fee", 200.5, 200),
        ("fee", 1e300, 200),
        ("seats", 0, 1),
        ("seats", 10.0, 9),
        ("seats", 10**400, 9),
        ("signed", -0.5, 0),
        ("signed", 1e6, 900),
    ],
)
def test_a_value_beyond_a_bound_becomes_the_bound(field: str, sent: float, kept: float) -> None:
    row = customer(**{"total": 500.0, field: sent})
    assert getattr(row, field) == kept
    assert clipping.count([row, customer()], CONTRACT.clipped) == {field: 1}
    assert json.loads(row.model_dump_json())[field] == kept
    np.testing.assert_array_equal(CONTRACT.encode_rows([row])[0][CONTRACT.names.index(field)], np.float32(kept))


@pytest.mark.parametrize(
    ("field", "sent"), [("fee", 0), ("fee", 200.0), ("seats", 9), ("seats", None), ("signed", 900)]
)
def test_a_value_within_the_bounds_is_not_counted(field: str, sent: float | None) -> None:
    row = customer(**{"total": 500.0, field: sent})
    assert getattr(row, field) == sent
    assert clipping.count([row], CONTRACT.clipped) == {}


@pytest.mark.parametrize(
    ("field", "sent", "code"),
    [
        ("fee", "many", "float_type"),
        ("fee", None, "float_type"),
        ("fee", True, "float_type"),
        ("seats", 2.5, "int_type"),
        ("signed", "2026-01-01", "age_type"),
        ("total", 2_000, "less_than_equal"),
        ("total", 80, "at_least"),
    ],
)
def test_what_is_no_number_and_other_fields_are_refused_as_before(field: str, sent: object, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        customer(**{field: sent})
    assert [(one["loc"], one["type"]) for one in caught.value.errors()] == [((field,), code)]


def test_an_order_of_fields_is_that_of_the_clipped_values() -> None:
    assert customer(fee=5_000, total=200).total == 200


def test_numbers_of_tables_are_clipped_and_told(caplog: pytest.LogCaptureFixture) -> None:
    table = pd.DataFrame(
        {
            "fee": [-1.0, 50.0, 1e9, np.nan],
            "seats": ["12", "", "many", "3"],
            "signed": [1, 2, 3, 4],
            "total": [900, 900, 2_000, 900],
            "churned": [0, 1, 0, 1],
        }
    )
    rows = column_mapping.labelled(ColumnMapping(), table, CONTRACT)
    np.testing.assert_array_equal(rows["fee"], [0, 50, 200, np.nan])
    assert rows["seats"].tolist() == [9, None, "many", 3]
    assert np.shares_memory(rows["signed"].to_numpy(), table["signed"].to_numpy())  # nothing to clip, nothing copied
    assert {reason: int(mask.sum()) for reason, mask in checks.find_violations(CONTRACT, rows).items()} == {
        "fee missing": 1,
        "seats not a number": 1,
        "total above 1000": 1,
    }
    assert caplog.messages == [
        "fee was beyond its bounds in 2 rows, and is clipped to them",
        "seats was beyond its bounds in 1 rows, and is clipped to them",
    ]


def test_clients_see_what_is_clipped_instead_of_bounds() -> None:
    described = _Customer.model_json_schema()["properties"]
    assert described["fee"] == {"clipped_to": [0, 200], "examples": [90.0], "title": "Fee", "type": "number"}
    assert described["signed"]["clipped_to"] == [0, 900]
    assert described["signed"]["unit"] == "days"
    assert described["seats"]["anyOf"] == [{"clipped_to": [1, 9], "type": "integer"}, {"type": "null"}]
    assert described["total"]["maximum"] == 1_000


def test_a_model_does_not_see_whether_numbers_were_clipped() -> None:
    fields: dict[str, Any] = {
        "plain": (float, Field(ge=0, le=9, examples=[3.0])),
        "clipped": (Annotated[float, Clipped()], Field(ge=0, le=9, examples=[3.0])),
    }
    prints = {derive(create_model("C", __base__=Features, value=field)).fingerprint for field in fields.values()}
    assert len(prints) == 1


@pytest.mark.parametrize(
    ("kind", "field", "problem"),
    [
        (float, {"gt": 0, "le": 9, "examples": [3.0]}, "a clipped number needs the bounds ge and le"),
        (int, {"ge": 0, "le": 9, "examples": [30]}, "its first example lies beyond its bounds"),
        (bool, {"examples": [True]}, "a clipped number needs the bounds ge and le"),
    ],
)
def test_what_cannot_be_clipped_is_refused_with_its_field(kind: Any, field: dict[str, Any], problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        derive(create_model("C", __base__=Features, value=(Annotated[kind, Clipped()], Field(**field))))
