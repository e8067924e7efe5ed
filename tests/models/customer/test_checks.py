"""The vectorised checks refuse exactly what the feature class refuses."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.customer import checks
from models.customer.contract import Contract
from models.customer.declaration import Features
from models.features import CONTRACT, CustomerFeatures


def broken(contract: Contract, **changes: Any) -> list[str]:
    row = contract.example | changes
    return list(checks.find_violations(contract, {name: [value] for name, value in row.items()}))


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, []),
        ({"total_charges": None}, []),
        ({"tenure_months": None}, ["tenure_months missing"]),
        ({"tenure_months": "soon"}, ["tenure_months not a number"]),
        ({"tenure_months": 1.5}, ["tenure_months not a whole number"]),
        ({"tenure_months": 121}, ["tenure_months above 120"]),
        ({"support_tickets": -1}, ["support_tickets below 0"]),
        ({"total_charges": 10.0}, ["total_charges below monthly_charges"]),
        ({"contract_type": 7}, ["contract_type not one of [0, 1, 2]"]),
        ({"tenure_months": -1, "contract_type": None}, ["tenure_months below 0", "contract_type missing"]),
    ],
)
def test_each_broken_rule_is_named(changes: dict[str, Any], reasons: list[str]) -> None:
    assert broken(CONTRACT, **changes) == reasons


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"region": None, "newsletter": None, "seats": None}, []),
        ({"auto_renew": None}, ["auto_renew missing"]),
        ({"auto_renew": 2}, ["auto_renew not true or false"]),
        ({"auto_renew": "yes"}, ["auto_renew not true or false"]),
        ({"seats": 0}, ["seats not above 0"]),
        ({"seats": 1000}, ["seats not below 1000"]),
        ({"plan": "gold"}, ["plan not one of ['basic', 'plus', 'pro']"]),
    ],
)
def test_text_categories_booleans_and_strict_bounds_too(
    second_contract: Contract, changes: dict[str, Any], reasons: list[str]
) -> None:
    assert broken(second_contract, **changes) == reasons


anything = st.one_of(
    st.none(), st.integers(-2, 130), st.floats(-2, 600, allow_nan=False), st.sampled_from(["1", "", "basic", "north"])
)


def refused_by_class(features: type[Features], row: dict[str, Any]) -> bool:
    try:
        features.model_validate_json(json.dumps(row))
    except ValidationError:
        return True
    return False


@given(st.fixed_dictionaries(dict.fromkeys(CONTRACT.names, anything)))
def test_columns_and_class_refuse_alike(row: dict[str, Any]) -> None:
    columns = {name: [value] for name, value in row.items()}
    assert bool(checks.find_violations(CONTRACT, columns)) == refused_by_class(CustomerFeatures, row)
