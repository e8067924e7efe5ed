"""The client's types follow the OpenAPI document, and so models/features.py."""

import sys
from collections.abc import Callable
from dataclasses import fields
from types import ModuleType
from typing import Annotated, Any, Literal, get_type_hints

import pytest
from pydantic import Field

from churn_client import Customer
from clients import generate
from models.customer.declaration import Age, Clipped, Features
from models.features import CONTRACT

Make = Callable[[dict[str, Any]], ModuleType]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Generate a module and import it."""

    def make(document: dict[str, Any]) -> ModuleType:
        module = ModuleType("generated")
        monkeypatch.setitem(sys.modules, "generated", module)  # dataclasses look their module up
        exec(generate.render(document), vars(module))  # noqa: S102  # our own text
        return module

    return make


def of(**properties: Any) -> dict[str, Any]:
    schema = {"description": "A body.", "properties": properties, "required": list(properties)}
    return {"components": {"schemas": {"Body": schema}}}


def test_the_committed_types_are_those_of_the_service() -> None:
    stale = "clients/ was generated for other features or answers: run `make client`, and commit the result"
    assert generate.SCHEMAS.read_text(encoding="utf-8") == generate.render(generate.document()), stale


def test_a_customer_has_the_fields_of_the_contract() -> None:
    assert [field.name for field in fields(Customer)] == [*CONTRACT.names, "customer_id"]


def test_every_kind_of_feature_has_a_type(second_class: type[Features], make: Make) -> None:
    made = make({"components": {"schemas": {"Customer": second_class.model_json_schema()}}})
    assert get_type_hints(made.Customer) == {
        "plan": Literal["basic", "plus", "pro"],
        "region": Literal["north", "south"] | None,
        "auto_renew": bool,
        "newsletter": bool | None,
        "seats": int | None,
        "spend": float,
        "peak_spend": float | None,
    }


def test_bounds_and_units_are_written_beside_a_field(second_class: type[Features]) -> None:
    text = generate.render({"components": {"schemas": {"Customer": second_class.model_json_schema()}}})
    assert 'seats: int | None\n    """Above 0, below 1,000."""' in text
    assert 'spend: float\n    """At least 0, at most 10,000, in EUR."""' in text


def test_an_age_is_a_number_and_what_is_clipped_is_said() -> None:
    class Mine(Features):
        signed: Annotated[float | None, Age("days")] = Field(ge=0, le=9_000, examples=[30.0])
        fee: Annotated[float, Clipped()] = Field(ge=0, le=2_000, examples=[30.0])

    schema = {"description": "A customer.", **Mine.model_json_schema()}
    text = generate.render({"components": {"schemas": {"Customer": schema}}})
    assert 'signed: float | None\n    """At least 0, at most 9,000, in days."""' in text
    assert 'fee: float\n    """Clipped to the range 0 to 2,000."""' in text


@pytest.mark.parametrize("text", ['Says "yes".', "Ends \\", '"""', "Größe in €.", "x " * 200])
def test_any_description_is_a_docstring(text: str, make: Make) -> None:
    assert make(of(field={"type": "integer", "description": text})).Body(field=1).field == 1


def test_an_unknown_form_of_schema_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Add its form to clients/generate\.py"):
        generate.render(of(field={"type": "array", "prefixItems": []}))
