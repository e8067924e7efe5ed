"""Open categories: texts whose levels are learned in training, one matrix column each."""

import json
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.customer import checks, declaration, parsing, reasons
from models.customer.contract import Contract
from models.customer.declaration import Features
from models.errors import ContractError


class Visitor(Features):
    """A customer with two open categories."""

    country: Annotated[str, declaration.Category(max=2)] = Field(examples=["DE"])
    shop: Annotated[str | None, declaration.Category(max=5, unseen="refused")] = Field(examples=["A"], default=None)
    visits: int = Field(ge=0, le=9, examples=[1])


CONTRACT = declaration.derive(Visitor)
COUNTS = {"country": {"PE": 1, "FR": 5, "DE": 7, "IT": 1}, "shop": {"A": 9}}
LEARNED = CONTRACT.learned(COUNTS)


def derived(annotation: Any, **field: Any) -> Contract:
    members = {"__annotations__": {"country": annotation}, "country": Field(examples=["DE"], **field)}
    return declaration.derive(type("Wrong", (Features,), {"__module__": __name__} | members))


def test_a_request_may_name_any_level_of_a_bounded_length() -> None:
    schema = Visitor.model_json_schema()["properties"]
    assert {name: schema["country"][name] for name in ("type", "minLength", "maxLength")} == {
        "type": "string",
        "minLength": 1,
        "maxLength": 200,
    }
    assert schema["shop"]["anyOf"] == [{"type": "string", "minLength": 1, "maxLength": 200}, {"type": "null"}]
    assert Visitor(country="Atlantis", visits=1).country == "Atlantis"


@pytest.mark.parametrize(
    ("country", "code"),
    [
        ("", "string_too_short"),
        ("x" * 201, "string_too_long"),
        (4, "string_type"),
        (True, "string_type"),
        (None, "string_type"),
        ("N/A", "level_missing"),
        ("  ", "level_missing"),
    ],
)
def test_what_is_no_level_is_refused(country: object, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Visitor.model_validate({"country": country, "visits": 1})
    [problem] = caught.value.errors()
    assert (problem["loc"], problem["type"]) == (("country",), code)


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        (Annotated[str, declaration.Category(max=0)], "a whole number from 1 to 10,000"),
        (Annotated[str, declaration.Category(max=True)], "a whole number from 1 to 10,000"),
        (Annotated[str, declaration.Category(max=5, unseen="ignored")], 'unseen must be "unknown" or "refused"'),  # type: ignore[arg-type]  # as a user may write it
        (Annotated[int, declaration.Category(max=5)], "needs the type str"),
        (Annotated[Literal["DE"], declaration.Category(max=5)], "needs the type str"),
        (str, "declaration.Category(max=200)"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_field(annotation: Any, problem: str) -> None:
    with pytest.raises(ContractError, match="country") as caught:
        derived(annotation)
    assert problem in str(caught.value)


def test_the_fingerprint_covers_the_declaration_and_not_what_was_learned() -> None:
    assert LEARNED.fingerprint == CONTRACT.fingerprint
    prints = {
        derived(Annotated[str, category]).fingerprint
        for category in (
            declaration.Category(max=2),
            declaration.Category(max=3),
            declaration.Category(max=2, unseen="refused"),
        )
    }
    assert len(prints) == 3


def test_a_level_is_the_rank_of_its_frequency_and_rare_ones_share_a_code() -> None:
    [country, shop] = LEARNED.open_categories
    assert list(country.levels.items()) == [("DE", 7), ("FR", 5), ("IT", 1), ("PE", 1)]
    assert country.level_codes == {"DE": 0, "FR": 1, "IT": 2, "PE": 2}
    assert country.labels == ("DE", "FR", "rare levels", "never seen in training")
    assert shop.labels == ("A", "rare levels", "never seen in training")
    assert country.encode(["PE", "DE", None, "XX", "", 4, "x" * 201]).tolist() == pytest.approx(
        [2, 0, np.nan, 3, np.inf, np.inf, np.inf], nan_ok=True
    )


def test_the_matrix_has_one_column_where_null_and_levels_never_seen_are_unknown() -> None:
    values = [("DE", "A"), ("FR", None), ("PE", "B"), ("XX", "A")]
    table = pd.DataFrame(values, columns=["country", "shop"]).assign(visits=1)
    rows = [Visitor(country=country, shop=shop, visits=1) for country, shop in values]
    assert LEARNED.matrix_columns == ("country", "shop", "visits")
    expected = np.array([[0, 0, 1], [1, np.nan, 1], [2, np.nan, 1], [np.nan, 0, 1]], dtype=np.float32)
    assert np.array_equal(LEARNED.to_matrix(table), expected, equal_nan=True)
    assert np.array_equal(LEARNED.encode_rows(rows), expected, equal_nan=True)


def test_before_training_every_level_satisfies_the_contract() -> None:
    table = pd.DataFrame({"country": ["DE", "XX"], "shop": ["A", "B"], "visits": [1, 2]})
    assert checks.find_violations(CONTRACT, table) == {}
    assert np.isnan(CONTRACT.to_matrix(table)[:, :2]).all()


def test_in_tables_a_level_never_seen_breaks_a_rule_only_where_it_is_refused() -> None:
    table = pd.DataFrame({"country": ["XX", None, "x" * 201], "shop": ["A", "B", None], "visits": 1})
    broken = {reason: mask.tolist() for reason, mask in checks.find_violations(LEARNED, table).items()}
    assert broken == {
        "country missing": [False, True, False],
        "country not a text of 1 to 200 characters": [False, False, True],
        "shop not 'A'": [False, True, False],
    }


def test_whole_numbers_are_levels_however_a_table_holds_them() -> None:
    cells = pd.DataFrame({"country": [4.0, 7.0], "shop": ["4.0", " - "], "visits": [1, 2]})
    read = column_mapping.features(ColumnMapping(), cells, CONTRACT)
    assert (read["country"].tolist(), read["shop"].tolist()) == (["4", "7"], ["4", None])


def test_a_columns_file_may_translate_some_levels_and_leaves_the_others() -> None:
    mapping = ColumnMapping.model_validate({"features": {"country": {"column": "land", "values": {"NA": "Namibia"}}}})
    cells = pd.DataFrame({"land": ["NA", " DE ", "N/A", None], "shop": ["A"] * 4, "visits": [1] * 4})
    assert column_mapping.features(mapping, cells, CONTRACT)["country"].tolist() == ["Namibia", "DE", None, None]


TEXTS = st.one_of(
    st.text(max_size=210),
    st.from_regex(r"\A ?[+-]?[0-9]{1,3}\.?0{0,2} ?\Z"),
    st.sampled_from(sorted(parsing.NULLS)).map(" {}".format),
)


@given(TEXTS)
def test_a_table_and_a_request_read_the_same_level(text: str) -> None:
    [country, shop] = CONTRACT.open_categories
    table = pd.DataFrame({"country": [text], "shop": [text], "visits": [1]})
    read = column_mapping.features(ColumnMapping(), table, CONTRACT)
    broken = checks.find_violations(CONTRACT, read)
    for feature in (country, shop) if text else ():  # an empty cell is null, an empty text in a request is a mistake
        body = json.dumps({"country": "DE", "visits": 1} | {feature.name: text})
        try:
            answered = getattr(TypeAdapter(Visitor).validate_json(body), feature.name)
        except ValidationError:
            assert any(reason.startswith(feature.name) for reason in broken)
        else:
            assert read[feature.name].tolist() == [answered]
            assert parsing.read(feature, [answered]) == [answered]  # from the log or a sample of a bundle
            assert not any(reason.startswith(feature.name) for reason in broken)


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.integers(1, 100)), st.lists(st.text(min_size=1, max_size=5)))
def test_rows_and_tables_are_encoded_alike(counts: dict[str, int], levels: list[str]) -> None:
    learned = CONTRACT.learned({"country": counts, "shop": {}})
    values = [*levels, *counts]
    table = {"country": values, "shop": [None] * len(values), "visits": [1] * len(values)}
    rows = [Visitor.model_construct(country=value, shop=None, visits=1) for value in values]
    assert np.array_equal(learned.to_matrix(table), learned.encode_rows(rows), equal_nan=True)
    assert list(learned.features[0].levels.values()) == sorted(counts.values(), reverse=True)


def test_reasons_name_the_level() -> None:
    customer = {"country": "XX", "shop": None, "visits": 1}
    assert reasons.of(LEARNED, customer, [0.5, -0.2, 0]) == [
        "country: XX, which raises the risk",
        "shop: unknown, which lowers the risk",
    ]
