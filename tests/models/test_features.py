"""The customer that the API accepts: which values are rejected, and which field the error names."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from models.features import CONTRACT, CustomerFeatures


def refusals(**changes: Any) -> list[tuple[Any, ...]]:
    raw = json.dumps({**CONTRACT.example, **changes})
    with pytest.raises(ValidationError) as caught:
        CustomerFeatures.model_validate_json(raw)
    return [problem["loc"] for problem in caught.value.errors()]


def accepted(**changes: Any) -> dict[str, Any]:
    return CustomerFeatures.model_validate_json(json.dumps({**CONTRACT.example, **changes})).model_dump()


def test_the_example_is_a_valid_customer() -> None:
    assert accepted() == CONTRACT.example


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tenure_months", -1),
        ("tenure_months", 121),
        ("tenure_months", 1.5),
        ("tenure_months", "12"),
        ("tenure_months", True),
        ("tenure_months", None),
        ("tenure_months", float("nan")),
        ("tenure_months", 10**400),
        ("monthly_charges", -0.01),
        ("monthly_charges", 500.01),
        ("monthly_charges", "70"),
        ("monthly_charges", False),
        ("monthly_charges", float("nan")),
        ("monthly_charges", float("inf")),
        ("total_charges", float("-inf")),
        ("total_charges", -1.0),
        ("total_charges", 89.49),
        ("support_tickets", -1),
        ("contract_type", 3),
        ("contract_type", "0"),
        ("contract_type", True),
        ("contract_type", None),
    ],
)
def test_a_wrong_value_is_refused_at_its_field(field: str, value: Any) -> None:
    assert refusals(**{field: value}) == [(field,)]


def test_an_unknown_field_is_refused() -> None:
    assert refusals(favourite_colour="blue") == [("favourite_colour",)]


def test_all_problems_come_at_once() -> None:
    assert refusals(tenure_months=-1, support_tickets=-1) == [("tenure_months",), ("support_tickets",)]


def test_a_customer_not_billed_yet_has_null_total_charges() -> None:
    assert accepted(total_charges=None)["total_charges"] is None


def test_total_charges_may_equal_one_monthly_bill() -> None:
    row = accepted(total_charges=89.5)
    assert row["total_charges"] == row["monthly_charges"]


def test_whole_dollars_need_no_decimal_point() -> None:
    assert accepted(monthly_charges=89)["monthly_charges"] == 89.0
