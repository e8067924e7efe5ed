"""What is derived from a feature class, for the shipped contract and for one with every other kind of field."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args, get_origin

import numpy as np
import pandas as pd
import pytest
from pydantic import Field, ValidationError

from models.customer import declaration
from models.customer.contract import Contract
from models.customer.declaration import Features
from models.errors import ContractError
from models.features import CONTRACT


def test_names_and_matrix_columns_follow_the_order_of_the_class() -> None:
    assert CONTRACT.names == ("tenure_months", "monthly_charges", "total_charges", "support_tickets", "contract_type")
    assert CONTRACT.matrix_columns[-3:] == ("contract_type=0", "contract_type=1", "contract_type=2")


def test_kinds_bounds_units_and_categories_are_read_off_the_fields(second_contract: Contract) -> None:
    plan, region, auto_renew, newsletter, seats, spend, peak = second_contract.features
    assert (plan.kind, plan.categories, plan.unit, plan.nullable) == (
        "category",
        ("basic", "plus", "pro"),
        "plan",
        False,
    )
    assert (region.kind, region.nullable, region.dtype) == ("category", True, "object")
    assert (auto_renew.kind, auto_renew.dtype) == ("boolean", "bool")
    assert (newsletter.kind, newsletter.nullable) == ("boolean", True)
    assert (seats.kind, seats.dtype, seats.limits) == ("integer", "float64", {"gt": 0, "lt": 1000})
    assert (spend.kind, spend.unit) == ("number", "EUR")
    assert peak.at_least == "spend"


def test_a_row_becomes_numbers_with_categories_one_hot_and_null_as_nan(second_contract: Contract) -> None:
    matrix = second_contract.to_matrix({name: [value] for name, value in second_contract.example.items()})
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, [[0, 1, 0, 1, 0, 1, np.nan, 5, 120.5, 150]])


def test_a_null_category_is_all_zeros(second_contract: Contract) -> None:
    columns = {name: [value] for name, value in second_contract.example.items()} | {"region": [None]}
    np.testing.assert_array_equal(second_contract.to_matrix(columns)[0, 3:5], [0, 0])


def test_rows_dicts_and_data_frames_give_the_same_matrix(
    second_contract: Contract, second_class: type[Features]
) -> None:
    raw = [
        second_contract.example,
        second_contract.example | {"plan": "pro", "seats": None, "newsletter": False, "region": None},
    ]
    rows = [second_class.model_validate_json(json.dumps(row)) for row in raw]
    from_rows = second_contract.encode_rows(rows)
    from_frame = second_contract.to_matrix(pd.DataFrame(raw))
    np.testing.assert_array_equal(from_rows, from_frame)


@pytest.mark.parametrize(
    ("field", "value"),
    [("plan", "gold"), ("plan", None), ("auto_renew", 1), ("auto_renew", "true"), ("seats", 0), ("peak_spend", 120.4)],
)
def test_the_second_class_is_as_strict(
    second_contract: Contract, second_class: type[Features], field: str, value: Any
) -> None:
    with pytest.raises(ValidationError) as caught:
        second_class.model_validate_json(json.dumps(second_contract.example | {field: value}))
    assert [problem["loc"] for problem in caught.value.errors()] == [(field,)]


def one_field(annotation: Any, **field: Any) -> type[Features]:
    return type("One", (Features,), {"__annotations__": {"value": annotation}, "value": Field(**field)})


def test_the_fingerprint_ignores_prose_and_sees_everything_else() -> None:
    def fingerprint(annotation: Any = int, **field: Any) -> str:
        return declaration.derive(one_field(annotation, **{"ge": 0, "le": 9, "examples": [1], **field})).fingerprint

    plain = fingerprint()
    assert fingerprint(description="words", examples=[2], json_schema_extra={"phrase": "being {value}"}) == plain
    changed = [
        fingerprint(le=10),
        fingerprint(gt=0, ge=None),
        fingerprint(int | None),
        fingerprint(float),
        fingerprint(json_schema_extra={"unit": "months"}),
        declaration.derive(one_field(Literal[0, 1], examples=[0])).fingerprint,
        declaration.derive(one_field(Literal[0, 1, 2], examples=[0])).fingerprint,
    ]
    assert len({plain, *changed}) == len(changed) + 1


@pytest.mark.parametrize(
    ("annotation", "field", "problem"),
    [
        (
            list[int],
            {"examples": [[1]]},
            "a list or an object is no feature, since a feature has one value. Make a number",
        ),
        (dict[str, int] | None, {"examples": [{}]}, "a list or an object is no feature"),
        (str, {"examples": ["a"]}, "free text is no feature: a category has all values that may come, as Literal"),
        (
            date,
            {"examples": [date(2026, 1, 1)]},
            "a date is no feature: it only ever grows.* Declare the time since then",
        ),
        (datetime | None, {"examples": [None]}, "a date is no feature"),
        (timedelta, {"examples": [timedelta(1)]}, "a length of time is a number in one unit"),
        (Decimal, {"examples": [Decimal(1)]}, "not int, float, bool or Literal"),
        (int | str, {"examples": [1]}, "not int, float, bool or Literal"),
        (int, {"ge": 0, "examples": [1]}, "lower and an upper bound"),
        (float, {"le": 0, "examples": [0.0]}, "lower and an upper bound"),
        (bool, {}, "no example"),
        (int, {"ge": 0, "le": 9, "examples": [10]}, "first example is not valid"),
        (
            int,
            {"ge": 0, "le": 9, "multiple_of": 3, "examples": [3]},
            "is not supported; use ge, gt, le, lt, AtLeast, Age or Clipped",
        ),
        (int, {"ge": 0, "le": 9, "examples": [3], "alias": "other"}, "only one name"),
        (Annotated[int, Field(ge=0, le=9)] | None, {"examples": [3]}, "declared inside"),
        (Literal["a", 1], {"examples": ["a"]}, "all integers or all strings"),
        (Literal[True, False], {"examples": [True]}, "all integers or all strings"),
        (Literal[0, 1], {"examples": [0], "json_schema_extra": {"labels": ["no"]}}, "one label for each category"),
        (
            int,
            {"ge": 0, "le": 9, "examples": [3], "default": -3},
            "default -3 is not valid: Input should be greater than",
        ),
        (int, {"ge": 0, "le": 9, "examples": [3], "default": None}, "default None is not valid"),
        (
            Literal["a", "b"],
            {"examples": ["a"], "default": "c"},
            "default 'c' is not valid: Input should be 'a' or 'b'",
        ),
        (int, {"ge": 0, "le": 9, "examples": [3], "default_factory": int}, "a default must be a constant"),
        (bool, {"examples": [True], "json_schema_extra": {"phrase": "being {age}"}}, "'being {age}' may contain only"),
        (bool, {"examples": [True], "json_schema_extra": {"phrase": "being {}"}}, "only {value} and {s}"),
        (bool, {"examples": [True], "json_schema_extra": {"phrase": "being {value"}}, "may contain only"),
    ],
)
def test_a_field_that_no_contract_can_hold_is_named(annotation: Any, field: dict[str, Any], problem: str) -> None:
    with pytest.raises(ContractError, match=problem) as caught:
        declaration.derive(one_field(annotation, **field))
    assert caught.value.field == "value"


@pytest.mark.parametrize(("annotation", "default"), [(int | None, None), (int, 4), (int, 4.0)])
def test_a_field_with_a_valid_default_may_be_left_out(annotation: Any, default: Any) -> None:
    leaving_out = one_field(annotation, ge=0, le=9, examples=[3], default=default)
    declaration.derive(leaving_out)
    left_out = leaving_out.model_validate_json("{}")
    assert left_out.model_dump_json() == f'{{"value":{json.dumps(default and int(default))}}}'


def test_only_null_is_a_default_of_a_field_that_follows_another() -> None:
    ordered = Annotated[int | None, declaration.AtLeast("low")]

    class Following(Features):
        low: int = Field(ge=0, le=9, examples=[1])
        high: ordered = Field(ge=0, le=9, examples=[2], default=5)

    class Unknown(Following):
        high: ordered = Field(ge=0, le=9, examples=[2], default=None)

    with pytest.raises(ContractError, match="high: its default may be below its AtLeast field; use default=None"):
        declaration.derive(Following)
    declaration.derive(Unknown)


@pytest.mark.parametrize("annotation", [int, int | None, Literal[3, 4], Literal[3, 4] | None])
@pytest.mark.parametrize("written", ["4", "4.0", "4e0", "0.4e1", "40E-1"])
def test_a_whole_number_is_whole_however_json_writes_it(annotation: Any, written: str) -> None:
    bounds = {} if Literal in (get_origin(annotation), *map(get_origin, get_args(annotation))) else {"ge": 0, "le": 9}
    row = one_field(annotation, examples=[3], **bounds).model_validate_json(f'{{"value":{written}}}')
    assert row.model_dump_json() == '{"value":4}'


@pytest.mark.parametrize(
    ("written", "code"),
    [("4.5", "int_type"), ('"4"', "int_type"), ("true", "int_type"), ("1e400", "int_type"), ("[4]", "int_type"),
     ("null", "int_type"), ("9.0", None), ("10.0", "less_than_equal"), ("-1.0", "greater_than_equal")],
)  # fmt: skip
def test_other_values_of_an_integer_are_refused_with_one_error(written: str, code: str | None) -> None:
    checked = one_field(int, ge=0, le=9, examples=[3])
    try:
        checked.model_validate_json(f'{{"value":{written}}}')
    except ValidationError as error:
        assert [found["type"] for found in error.errors()] == [code]  # noqa: PT017  # one case has no error
    else:
        assert code is None


def test_a_large_whole_number_stays_exact() -> None:
    row = one_field(int, ge=0, le=2**60, examples=[3]).model_validate_json(f'{{"value":{2**53 + 1}}}')
    assert row.model_dump() == {"value": 2**53 + 1}


@pytest.mark.parametrize("name", ["churned", "customer_id"])
def test_a_field_takes_no_name_that_stands_beside_the_features(name: str) -> None:
    taken = type("Taken", (Features,), {"__annotations__": {name: bool}, name: Field(examples=[True])})
    with pytest.raises(ContractError, match=f"{name}: the name is reserved"):
        declaration.derive(taken)


def test_at_least_must_name_a_field_declared_before() -> None:
    class Backwards(Features):
        low: int = Field(ge=0, le=9, examples=[1])
        high: int = Field(ge=0, le=9, examples=[2])

    Backwards.model_fields["low"].metadata.append(declaration.AtLeast("high"))
    with pytest.raises(ContractError, match="no number declared before it"):
        declaration.derive(Backwards)


@pytest.mark.shipped
def test_values_that_cannot_be_read_become_infinite() -> None:
    number = CONTRACT.features[1]
    encoded = number.encode([1, None, "12", True, float("nan"), Decimal("1.5"), 10**400, [1], pd.NA])
    np.testing.assert_array_equal(encoded, [1, np.nan, np.inf, np.inf, np.nan, 1.5, np.inf, np.inf, np.inf])
    category = CONTRACT.features[4]
    np.testing.assert_array_equal(
        category.encode([2, 1.0, True, "0", None, [1]]), [2, 1, np.inf, np.inf, np.nan, np.inf]
    )
