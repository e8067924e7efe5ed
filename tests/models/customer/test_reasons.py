"""Reasons use the words of the contract, for the features that change the score most."""

from typing import Any

import pytest

from models.customer import reasons
from models.customer.contract import Contract
from models.features import CONTRACT


def reason(contract: Contract, field: str, value: Any) -> str:
    """Say what is said of a value that alone raises the risk."""
    contributions = [float(name == field) for name in contract.names]
    [said] = reasons.of(contract, contract.example | {field: value}, contributions)
    return said.removesuffix(" raises the risk")


def test_the_three_that_move_the_score_most_are_named_strongest_first() -> None:
    customer = CONTRACT.example | {"tenure_months": 40}
    assert reasons.of(CONTRACT, customer, [-0.9, 0.2, -0.1, 0.3, 1.2]) == [
        "a month-to-month contract raises the risk",
        "a tenure of 40 months lowers the risk",
        "having 3 support tickets raises the risk",
    ]


@pytest.mark.shipped
def test_what_hardly_moves_the_score_is_no_reason() -> None:
    assert reasons.of(CONTRACT, CONTRACT.example, [0.0, 0.0099, -0.0099, 1e-9, 0.0]) == []
    assert len(reasons.of(CONTRACT, CONTRACT.example, [0.01, 0.0, -0.01, 0.0, 0.0])) == 2


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("tenure_months", 0, "a tenure of 0 months"),
        ("tenure_months", 1, "a tenure of 1 month"),
        ("monthly_charges", 89.5, "a monthly bill of 89.5 USD"),
        ("monthly_charges", 100.0, "a monthly bill of 100 USD"),
        ("monthly_charges", 0.00005, "a monthly bill of 0.00005 USD"),
        ("total_charges", 1_234_567.25, "a total of 1,234,567.25 USD billed so far"),
        ("total_charges", None, "unknown total charges"),
        ("support_tickets", 12_000, "having 12,000 support tickets"),
        ("support_tickets", 1, "having 1 support ticket"),
        ("contract_type", 2, "a two-year contract"),
    ],
)
def test_a_value_is_spoken_of_in_the_fields_own_phrase(field: str, value: Any, said: str) -> None:
    assert reason(CONTRACT, field, value) == said


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("plan", "pro", "plan pro plan"),
        ("region", None, "unknown region"),
        ("region", "north", "region north"),
        ("auto_renew", True, "auto renew yes"),
        ("newsletter", False, "newsletter no"),
        ("spend", 9_500.0, "spend 9,500 EUR"),
    ],
)
def test_a_field_without_a_phrase_is_its_name_value_and_unit(
    second_contract: Contract, field: str, value: Any, said: str
) -> None:
    assert reason(second_contract, field, value) == said
