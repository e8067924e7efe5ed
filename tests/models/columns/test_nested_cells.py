"""A column of lists or objects is refused, and a single text of an open category that looks like one is a level."""

from typing import Annotated

import pandas as pd
import pytest
from pydantic import Field

from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.columns.errors import ColumnUnsupported
from models.customer.declaration import Category, Features, derive
from monitoring.log import customer_files


class _Customer(Features):
    country: Annotated[str, Category(max=5)] = Field(examples=["Peru"])


CONTRACT = derive(_Customer)


def table(*cells: str | None) -> pd.DataFrame:
    return pd.DataFrame({"country": pd.Series(cells, dtype=object)})


@pytest.mark.parametrize("text", ["{}", "[]", '{"a": 1}', "[1]"])
def test_a_text_in_json_is_one_level_of_an_open_category_of_a_file(text: str) -> None:
    rows = column_mapping.features(ColumnMapping(), table(text, "Peru"), CONTRACT)
    assert rows["country"].tolist() == [text, "Peru"]


def test_an_open_category_of_mostly_objects_is_refused_wherever_the_others_are() -> None:
    with pytest.raises(ColumnUnsupported, match='column "country" of feature country holds objects'):
        column_mapping.features(ColumnMapping(), table("Peru", '{"a": 1}', None, "", "{}"), CONTRACT)


def test_texts_of_the_log_are_levels_whatever_they_look_like() -> None:
    cells = table("{}", "[1]", "{}")
    assert customer_files.values(cells, CONTRACT)["country"].tolist() == ["{}", "[1]", "{}"]
    assert column_mapping.features(ColumnMapping(), cells, CONTRACT, logged=True)["country"].tolist()[1] == "[1]"
