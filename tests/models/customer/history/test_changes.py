"""Two contracts are compared field by field, and a model from before a compatible change encodes today's customers."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from pydantic import Field, ValidationError, create_model

from models.customer import declaration
from models.customer.contract import Contract
from models.customer.declaration import AtLeast, Category, Clipped, Features, Formerly
from models.customer.history import changes, model_contract, old_names
from models.errors import ContractError, FingerprintMismatch

Fields = dict[str, Any]
SEATS = (int, Field(ge=0, le=100, examples=[5]))
SPEND = (float, Field(ge=0, le=500, examples=[20.0], json_schema_extra={"unit": "EUR"}))
PLAN = (Literal["basic", "plus"], Field(examples=["basic"]))
BEFORE: Fields = {"seats": SEATS, "spend": SPEND, "plan": PLAN}


def cls(fields: Fields) -> Any:
    return create_model("Customer", __base__=Features, **fields)


def contract(fields: Fields) -> Contract:
    return declaration.derive(cls(fields))


def described(trained: Contract) -> list[dict[str, Any]]:
    """Describe the fields as a manifest does."""
    return [feature.schema() | {"labels": list(feature.labels)} for feature in trained.features]


def model(after: Fields, before: Fields = BEFORE) -> Contract:
    """Return the contract of a model that was trained before a change."""
    trained = contract(before)
    return model_contract.trained(trained.fingerprint, described(trained), contract(after))


def told(after: Fields, before: Fields = BEFORE) -> list[str]:
    return [change.sentence for change in changes.compare(described(contract(before)), contract(after))]


def seats(**limits: Any) -> Fields:
    return BEFORE | {"seats": (int, Field(**limits, examples=[5]))}


COMPATIBLE: dict[str, tuple[Fields, str]] = {
    "added": (
        BEFORE | {"region": (Literal["n", "s"] | None, Field(examples=["n"]))},
        "region is new, and may be unknown",
    ),
    "defaulted": (
        BEFORE | {"age": (int, Field(default=40, ge=18, le=99, examples=[30]))},
        "age is new, by default 40",
    ),
    "required": (BEFORE | {"age": (int, Field(ge=18, le=99, examples=[30]))}, "age is new, and required"),
    "removed": ({"spend": SPEND, "plan": PLAN}, "seats was removed"),
    "renamed": (
        {"users": (Annotated[int, Formerly("seats")], SEATS[1]), "spend": SPEND, "plan": PLAN},
        "users was renamed from seats",
    ),
    "widened": (seats(ge=0, le=200), "seats has values up to 200, before 100"),
    "lowered": (seats(ge=-5, le=100), "seats has values down to -5, before 0"),
    "nullable": (BEFORE | {"seats": (int | None, SEATS[1])}, "seats may be unknown"),
    "decimals": (BEFORE | {"seats": (float, SEATS[1])}, "seats may have decimals"),
    "level": (BEFORE | {"plan": (Literal["basic", "pro", "plus"], PLAN[1])}, "plan has the new level 'pro'"),
    "levels sorted": (BEFORE | {"plan": (Literal["plus", "basic"], PLAN[1])}, "plan has its levels in another order"),
    "sorted": ({"plan": PLAN, "spend": SPEND, "seats": SEATS}, "plan and other fields have another order"),
}
INCOMPATIBLE: dict[str, tuple[Fields, str]] = {
    "unit": (
        BEFORE | {"spend": (float, Field(ge=0, le=500, examples=[20.0], json_schema_extra={"unit": "USD"}))},
        "spend is in USD, and was in EUR",
    ),
    "narrowed": (seats(ge=0, le=50), "seats has values only up to 50, before 100"),
    "raised": (seats(gt=0, le=100), "seats has values only down to 1, before 0"),
    "level gone": (BEFORE | {"plan": (Literal["basic"], PLAN[1])}, "plan no longer has the level 'plus'"),
    "type": (BEFORE | {"plan": (bool, Field(examples=[True]))}, "plan is of kind boolean, and was of kind category"),
    "order": (
        BEFORE | {"spend": (Annotated[float, AtLeast("seats")], SPEND[1])},
        "spend may no longer be below seats",
    ),
    "both names": (
        {"spend": (Annotated[float, Formerly("seats")], SPEND[1]), "plan": PLAN},
        "spend was declared as formerly seats, but the model has both fields",
    ),
    "all": ({"age": (int, Field(ge=18, le=99, examples=[30]))}, "the contract has no field of the model"),
}


@pytest.mark.parametrize("case", COMPATIBLE)
def test_a_model_serves_after_a_compatible_change(case: str) -> None:
    after, sentence = COMPATIBLE[case]
    assert told(after)[:1] == [sentence]
    assert all(change.is_compatible for change in changes.compare(described(contract(BEFORE)), contract(after)))
    assert model(after).matrix_columns[-2:] == ("plan=basic", "plan=plus")
    assert len(model(after).matrix_columns) == 4


@pytest.mark.parametrize("case", INCOMPATIBLE)
def test_an_incompatible_change_is_refused_with_its_reason_and_remedy(case: str) -> None:
    after, sentence = INCOMPATIBLE[case]
    assert sentence in told(after)
    with pytest.raises(FingerprintMismatch, match=sentence) as caught:
        model(after)
    assert "contract diff" in str(caught.value)


def test_equal_bounds_in_another_spelling_are_no_change_of_values() -> None:
    assert told(seats(gt=-1, lt=101)) == []


def test_without_a_change_the_contract_is_that_of_today() -> None:
    today = contract(BEFORE)
    assert model_contract.trained(today.fingerprint, described(today), today) is today


@pytest.mark.parametrize("spoil", [lambda one: one.pop("kind"), lambda one: one.update(unit="kg")], ids=["gap", "unit"])
def test_a_description_that_is_not_that_of_the_fingerprint_is_refused(spoil: Callable[[Fields], object]) -> None:
    trained, after = contract(BEFORE), contract(COMPATIBLE["widened"][0])
    fields = described(trained)
    spoil(fields[0])
    with pytest.raises(FingerprintMismatch):
        model_contract.trained(trained.fingerprint, fields, after)


def test_a_removed_field_is_unknown_and_a_new_level_too() -> None:
    after = {"spend": SPEND, "plan": (Literal["pro", "basic", "plus"], PLAN[1])}
    old, customer = model(after), cls(after)
    rows = [customer(spend=1.0, plan="plus"), customer(spend=2.0, plan="pro")]
    expected = np.array([[np.nan, 1, 0, 1], [np.nan, 2, 0, 0]], dtype=np.float32)
    np.testing.assert_array_equal(old.encode_rows(rows), expected)
    columns = {name: [getattr(row, name) for row in rows] for name in after}
    np.testing.assert_array_equal(old.to_matrix(columns), expected)


def test_a_removed_category_is_encoded_as_unknown() -> None:
    np.testing.assert_array_equal(
        model({"seats": SEATS, "spend": SPEND}).to_matrix({"seats": [1], "spend": [2]}), [[1, 2, 0, 0]]
    )


def test_a_table_of_the_model_itself_still_gives_its_own_matrix() -> None:
    before = {"seats": [5], "spend": [20.0], "plan": ["plus"]}
    np.testing.assert_array_equal(
        model({"spend": SPEND, "plan": PLAN}).to_matrix(before), contract(BEFORE).to_matrix(before)
    )


def test_a_renamed_field_is_encoded_from_its_new_name() -> None:
    after = COMPATIBLE["renamed"][0]
    row = cls(after)(users=7, spend=1.0, plan="basic")
    np.testing.assert_array_equal(model(after).encode_rows([row]), [[7, 1, 1, 0]])


class Renamed(Features):
    """A field that was renamed twice."""

    users: Annotated[int, Formerly("seats"), Formerly("places")] = Field(
        ge=0, le=9, examples=[1], description="How many."
    )
    spend: Annotated[float | None, AtLeast("users")] = Field(ge=0, le=9, examples=[1.0])


@pytest.mark.parametrize("name", ["users", "seats", "places"])
def test_clients_may_use_each_name_of_a_renamed_field(name: str) -> None:
    assert Renamed.model_validate_json(f'{{"{name}": 3, "spend": 4}}').users == 3
    with pytest.raises(ValidationError, match="at least users, which is 3"):
        Renamed.model_validate_json(f'{{"{name}": 3, "spend": 2}}')


def test_two_names_of_a_field_in_one_request_are_an_error() -> None:
    with pytest.raises(ValidationError, match="Extra inputs") as caught:
        Renamed.model_validate_json('{"users": 3, "seats": 3, "spend": 4}')
    assert [problem["loc"] for problem in caught.value.errors()] == [("seats",)]


def test_without_any_name_the_new_one_is_missing() -> None:
    with pytest.raises(ValidationError, match="Field required") as caught:
        Renamed.model_validate_json('{"spend": 4}')
    assert [problem["loc"] for problem in caught.value.errors()] == [("users",)]


def test_openapi_has_the_new_name_and_mentions_the_old_ones() -> None:
    found = Renamed.model_json_schema()["properties"]
    assert list(found) == ["users", "spend"]
    assert found["users"]["description"] == "How many. Formerly `seats` or `places`, which is still accepted."


@pytest.mark.parametrize("old", ["spend", "churned", "users"])
def test_an_old_name_must_not_mean_something_else(old: str) -> None:
    with pytest.raises(ContractError, match=f"Formerly names '{old}', which has another meaning"):
        contract({"users": (Annotated[int, Formerly(old)], SEATS[1]), "spend": SPEND})


def test_a_row_of_an_earlier_contract_is_read_with_the_names_of_today() -> None:
    after = {
        "users": (Annotated[int, Formerly("seats")], SEATS[1]),
        "region": (Literal["n", "s"] | None, Field(examples=["n"])),
        "age": (int, Field(default=40, ge=18, le=99, examples=[30])),
    }
    found = old_names.of_today(contract(after), {"seats": 3, "spend": 4.5})
    assert found is not None
    assert {name: found[name] for name in after} == {"users": 3, "region": None, "age": 40}


@pytest.mark.parametrize("logged", [None, [1], {"spend": 4.5}], ids=["nothing", "a list", "too little"])
def test_a_row_without_a_required_field_cannot_be_used(logged: object) -> None:
    assert old_names.of_today(contract({"seats": SEATS, "spend": SPEND}), logged) is None


def test_a_change_says_what_it_breaks() -> None:
    [removed] = changes.compare(described(contract(BEFORE)), contract(COMPATIBLE["removed"][0]))
    assert removed.breaks == (
        "clients that still send seats get 422",
        "a model without it is judged against the baselines",
    )
    [added] = changes.compare(described(contract(BEFORE)), contract(COMPATIBLE["required"][0]))
    assert added.breaks == ("clients that do not send age get 422", "logged rows from before cannot be used")


CLIPPED: Fields = BEFORE | {"spend": (Annotated[float, Clipped()], SPEND[1])}
NARROWED = CLIPPED | {
    "spend": (Annotated[float, Clipped()], Field(ge=0, le=300, examples=[20.0], json_schema_extra={"unit": "EUR"}))
}


def test_a_model_serves_after_bounds_become_narrower_if_values_are_clipped() -> None:
    [narrowed] = changes.compare(described(contract(CLIPPED)), contract(NARROWED))
    assert narrowed.sentence == "spend has values only up to 300, before 500"
    assert (narrowed.is_compatible, narrowed.breaks) == (True, ("such values are clipped from now on",))
    row = cls(NARROWED)(seats=1, spend=400, plan="plus")
    np.testing.assert_array_equal(model(NARROWED, CLIPPED).encode_rows([row]), [[1, 300, 0, 1]])


def breaks_of(name: str, after: Fields, before: Fields = BEFORE) -> tuple[str, ...]:
    found = {change.field: change.breaks for change in changes.compare(described(contract(before)), contract(after))}
    return found[name]


def test_an_added_field_that_may_be_a_renamed_one_says_so() -> None:
    after = {"users": (int, SEATS[1]), "spend": SPEND, "plan": PLAN}
    assert breaks_of("users", after)[0] == (
        'if it was seats, declare Formerly("seats"), or the model predicts without it'
    )
    assert not [one for one in breaks_of("users", {**after, "users": PLAN}) if "Formerly" in one]


def test_of_several_removed_fields_the_nearest_by_name_is_named() -> None:
    before = BEFORE | {"visits": SEATS}
    found = breaks_of("monthly_visits", {"monthly_visits": SEATS, "spend": SPEND, "plan": PLAN}, before)
    assert found[0].startswith("if it was visits, declare")


DEFAULTED: Fields = BEFORE | {"region": (Literal["n", "s"] | None, Field(default=None, examples=["n"]))}
AGED: Fields = BEFORE | {"age": (int, Field(default=40, ge=18, le=99, examples=[30]))}
REFUSED = ("clients that send such a value get 422", "logged rows with such a value are left out")
GIVEN: dict[str, tuple[Fields, Fields, str, tuple[str, ...]]] = {
    "unclipped": (CLIPPED, BEFORE, "spend is no longer clipped to its bounds", REFUSED),
    "required": (
        DEFAULTED,
        BEFORE | {"region": (Literal["n", "s"] | None, Field(examples=["n"]))},
        "region is required, and was optional",
        ("clients that do not send region get 422",),
    ),
    "required number": (
        AGED,
        BEFORE | {"age": (int, Field(ge=18, le=99, examples=[30]))},
        "age is required, and had the default 40",
        ("clients that do not send age get 422", "logged rows from before it cannot be used"),
    ),
    "default": (
        AGED,
        BEFORE | {"age": (int, Field(default=50, ge=18, le=99, examples=[30]))},
        "age has the default 50, before 40",
        (),
    ),
}


@pytest.mark.parametrize("case", GIVEN)
def test_a_change_of_how_values_are_given_is_told_although_the_fingerprint_is_the_same(case: str) -> None:
    before, after, sentence, breaks = GIVEN[case]
    trained, today = contract(before), contract(after)
    fields = [feature.described() for feature in trained.features]
    [change] = model_contract.changes_since(trained.fingerprint, fields, today)
    assert (change.sentence, change.breaks, change.is_compatible) == (sentence, breaks, True)
    assert model_contract.trained(trained.fingerprint, fields, today) is today
    wider = contract(after | {"seats": (int, Field(ge=0, le=200, examples=[5]))})
    told = [one.sentence for one in model_contract.changes_since(trained.fingerprint, fields, wider)]
    assert told == ["seats has values up to 200, before 100", sentence]


def test_a_manifest_says_only_what_is_unusual_of_how_values_are_given() -> None:
    assert [feature.described() for feature in contract(BEFORE).features] == described(contract(BEFORE))
    assert {"required", "default"} <= contract(AGED).features[-1].described().keys()
    assert contract(DEFAULTED).features[-1].described().keys() & {"required", "default"} == {"required"}


def test_an_older_manifest_does_not_say_how_values_were_given() -> None:
    trained = contract(CLIPPED)
    assert model_contract.changes_since(trained.fingerprint, described(trained), contract(BEFORE)) == []


def shop(most: int, unseen: Any = "unknown") -> Fields:
    return BEFORE | {"shop": (Annotated[str, Category(max=most, unseen=unseen)], Field(examples=["A"]))}


LISTED: Fields = BEFORE | {"shop": (Literal["A", "B"], Field(examples=["A"]))}
OPEN: dict[str, tuple[Fields, Fields, str, tuple[str, ...]]] = {
    "more levels": (shop(3), shop(9), "shop keeps 9 levels, before 3, from the next training on", ()),
    "refused": (shop(3), shop(3, "refused"), "shop refuses levels that were never seen in training", REFUSED[:1]),
    "removed": (
        shop(3),
        BEFORE,
        "shop was removed",
        ("clients that still send shop get 422", "a model without it is judged against the baselines"),
    ),
}


@pytest.mark.parametrize("case", OPEN)
def test_a_model_serves_after_a_change_of_an_open_category(case: str) -> None:
    before, after, sentence, breaks = OPEN[case]
    found = changes.compare(described(contract(before)), contract(after))
    assert [(one.sentence, one.breaks, one.is_compatible) for one in found] == [(sentence, breaks, True)]
    assert model(after, before).names == contract(before).names


def test_a_listed_category_that_becomes_an_open_one_still_has_texts() -> None:
    [opened] = changes.compare(described(contract(LISTED)), contract(shop(3)))
    assert (opened.breaks, opened.is_compatible) == ((), False)
    assert opened.sentence == "shop is of kind open_category, and was of kind category"
    [listed] = changes.compare(described(contract(shop(3))), contract(LISTED))
    assert (listed.breaks, listed.remedy) == (REFUSED, "Undo the change, or train again.")
    assert breaks_of("plan", INCOMPATIBLE["type"][0]) == (
        "clients, files and logged rows from before have the other type",
    )
