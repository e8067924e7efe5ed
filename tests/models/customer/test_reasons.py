"""Reasons use the words of the contract, for the features that change the score most."""

import math
from dataclasses import replace
from typing import Any

import pytest

from models.customer import reasons
from models.customer.contract import Contract
from models.customer.feature import Kind
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
@pytest.mark.parametrize(("score", "least"), [(0.0, 0.004), (-4.0, 0.0577), (4.0, 0.0551)])
def test_what_moves_the_probability_by_less_than_a_tenth_of_a_point_is_no_reason(score: float, least: float) -> None:
    def count(size: float) -> int:
        return len(reasons.of(CONTRACT, CONTRACT.example, [0.0, size, 1e-9, 0.0, 0.0], score=score))

    def moved(size: float) -> float:
        return 1 / (1 + math.exp(-score)) - 1 / (1 + math.exp(size - score))

    assert [count(least * 0.99), count(least * 1.01)] == [0, 1]
    assert moved(least) == pytest.approx(0.001, rel=0.01)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("tenure_months", 0, "a tenure of 0 months"),
        ("tenure_months", 1, "a tenure of 1 month"),
        ("monthly_charges", 89.5, "a monthly bill of 89.5 USD"),
        ("monthly_charges", 100.0, "a monthly bill of 100 USD"),
        ("monthly_charges", 0.00005, "a monthly bill of 0.00005 USD"),
        ("total_charges", 1_234_567.25, "a total of 1,234,567.25 USD billed so far"),
        ("total_charges", None, "total charges: unknown, which"),
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
        ("plan", "pro", "plan: pro, which"),
        ("region", None, "region: unknown, which"),
        ("region", "north", "region: north, which"),
        ("auto_renew", True, "auto renew: yes, which"),
        ("newsletter", False, "newsletter: no, which"),
        ("newsletter", None, "newsletter: unknown, which"),
        ("seats", 5, "seats: 5, which"),
        ("spend", 9_500.0, "spend in EUR: 9,500, which"),
    ],
)
def test_a_field_without_a_phrase_is_its_name_unit_and_value(
    second_contract: Contract, field: str, value: Any, said: str
) -> None:
    assert reason(second_contract, field, value) == said


@pytest.mark.parametrize(
    ("name", "kind", "unit", "value", "said"),
    [
        ("tenure", "integer", "months", 1, "tenure in months: 1, which"),
        ("tenure_months", "integer", "months", 2, "tenure in months: 2, which"),
        ("tenure_months", "integer", None, 2, "tenure months: 2, which"),
        ("age_in_years", "integer", "years", 40, "age in years: 40, which"),
        ("total_day_minutes", "number", "minutes", 265.1, "total day minutes: 265.1, which"),
        ("total_charges", "number", "USD", 12.5, "total charges in USD: 12.5, which"),
        ("total_charges", "number", "USD", None, "total charges: unknown, which"),
        ("support_tickets", "integer", "tickets", 3, "support tickets: 3, which"),
        ("balance_eur", "number", "EUR", 1.0, "balance eur: 1, which"),
        ("temperature", "number", "degrees Celsius", 1.0, "temperature in degrees Celsius: 1, which"),
        ("mileage", "number", "m", 1.0, "mileage in m: 1, which"),
        ("num_of_products", "integer", None, 1, "num of products: 1, which"),
        ("is_active", "boolean", None, True, "is active: yes, which"),
        ("is_active", "boolean", None, None, "is active: unknown, which"),
        ("no_contract", "boolean", None, False, "no contract: no, which"),
        ("was_late", "boolean", None, True, "was late: yes, which"),
    ],
)
def test_no_name_unit_or_value_of_any_field_is_bent_into_a_sentence(
    name: str, kind: Kind, unit: str | None, value: Any, said: str
) -> None:
    field = replace(CONTRACT.features[0], name=name, kind=kind, unit=unit, phrase="", example=value)
    assert reason(Contract((field,)), name, value) == said


@pytest.mark.parametrize(
    ("name", "unit", "said"),
    [
        ("tenure_months", "months", "tenure"),
        ("age_in_years", "years", "age"),
        ("total_day_minutes", "minutes", "total day minutes"),
        ("support_tickets", "tickets", "support tickets"),
        ("seats", None, "seats"),
    ],
)
def test_a_note_names_a_feature_without_a_unit_where_that_loses_nothing(name: str, unit: str | None, said: str) -> None:
    assert reasons.label(replace(CONTRACT.features[0], name=name, unit=unit)) == said
