"""Writes a contract of many fields with a table that fits it: `features.py`, `columns.toml` and `customers.csv`.

Two thirds of the fields are numbers, a fifth whole numbers, the rest booleans and categories. A few fields decide who
leaves, and every fifth number may be unknown. Equal arguments give equal files.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.customer.feature import Kind

TOPICS = ("billing", "browsing", "calls", "devices", "offers", "payments", "roaming", "support", "usage", "visits")
LEVELS = ("basic", "plus", "premium", "other")
LARGEST = 10_000
FEATURES_PATH = Path("models", "features.py")
_HEAD = '''\
"""A customer as many tables describe one."""

from typing import Literal

from pydantic import Field

from models.customer import declaration


class CustomerFeatures(declaration.Features):
    """One customer on the day of the prediction."""

'''
_FOOT = """

CONTRACT = declaration.derive(CustomerFeatures)
"""
_COLUMNS = """\
never_features = ["id"]

[target]
column = "left"
positive = "Yes"
"""
_TELLING: dict[Kind, int] = {"number": 5, "integer": 2, "boolean": 1, "category": 1}
"""How many fields of a kind decide who leaves; they are the first of their kind."""


@dataclass(frozen=True)
class Field:
    """A field of the contract."""

    name: str
    kind: Kind
    nullable: bool

    @property
    def source(self) -> str:
        """Its lines in the feature class."""
        null = " | None" if self.nullable else ""
        match self.kind:
            case "boolean":
                return f'{self.name}: bool{null} = Field(description="Whether it happened.", examples=[False])'
            case "category":
                levels = ", ".join(f'"{level}"' for level in LEVELS)
                return f'{self.name}: Literal[{levels}]{null} = Field(description="Kind.", examples=["{LEVELS[0]}"])'
            case "integer":
                return f'{self.name}: int{null} = Field(ge=0, le={LARGEST}, description="Count.", examples=[4])'
        return f'{self.name}: float{null} = Field(ge=0, le={LARGEST}, description="Amount.", examples=[90.5])'


def fields(count: int) -> list[Field]:
    """Return the fields of a contract of `count` fields, at least 15, in its order."""
    numbers, whole = count * 2 // 3, count // 5
    booleans = (count - numbers - whole) // 2
    counts: dict[Kind, int] = {"number": numbers, "integer": whole, "boolean": booleans}
    counts["category"] = count - sum(counts.values())
    kinds = [kind for kind, how_many in counts.items() for _ in range(how_many)]
    words = {"number": "amount", "integer": "count", "boolean": "flag", "category": "kind"}
    return [
        Field(f"{TOPICS[at % len(TOPICS)]}_{words[kind]}_{at:03d}", kind, nullable=at % 5 == 4)
        for at, kind in enumerate(kinds)
    ]


def features(found: list[Field]) -> str:
    """Return the text of a `models/features.py` with these fields."""
    return _HEAD + "".join(f"    {field.source}\n" for field in found) + _FOOT


def customers(found: list[Field], rows: int, *, seed: int = 7) -> pd.DataFrame:
    """Draw customers with an id and an outcome; about a quarter leaves."""
    draw = np.random.default_rng(seed)
    columns = {field.name: _values(field, rows, draw) for field in found}
    log_odds = np.full(rows, -1.4)
    for kind, count in _TELLING.items():
        telling = [field for field in found if field.kind == kind][:count]
        for at, field in enumerate(telling):
            log_odds += (-1) ** at * _standard(field, columns[field.name])
    table: dict[str, Any] = {"id": [f"C{number:06d}" for number in range(rows)]}
    table |= {field.name: _with_gaps(field, columns[field.name], draw) for field in found}
    table["left"] = np.where(draw.random(rows) < 1 / (1 + np.exp(-log_odds)), "Yes", "No")
    return pd.DataFrame(table)


def write(folder: Path, *, count: int, rows: int) -> None:
    """Write the three files into a folder; `models/features.py` of a checkout is replaced."""
    found = fields(count)
    (folder / FEATURES_PATH).parent.mkdir(parents=True, exist_ok=True)
    (folder / FEATURES_PATH).write_text(features(found), encoding="utf-8")
    (folder / "columns.toml").write_text(_COLUMNS, encoding="utf-8")
    customers(found, rows).to_csv(folder / "customers.csv", index=False)


def _values(field: Field, rows: int, draw: np.random.Generator) -> Any:
    match field.kind:
        case "boolean":
            return draw.random(rows) < 0.3
        case "category":
            return draw.choice(LEVELS, rows, p=(0.4, 0.3, 0.2, 0.1))
        case "integer":
            return draw.poisson(6, rows)
    return draw.gamma(2, 50, rows).round(2).clip(0, LARGEST)


def _standard(field: Field, values: Any) -> Any:
    """Return the values with a mean near 0."""
    match field.kind:
        case "boolean":
            return values - 0.3
        case "category":
            return (values == LEVELS[0]) - 0.4
        case "integer":
            return (values - 6) / 2.5
    return (values - 100) / 70


def _with_gaps(field: Field, values: Any, draw: np.random.Generator) -> Any:
    return pd.Series(values).mask(draw.random(len(values)) < 0.1) if field.nullable else values
