"""Writes the text of a drafted features.py, as `make format` would leave it, and of the columns file for it."""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from models import plain_text
from models.columns.origins import Target
from models.customer.files.csv_format import CsvFormat
from training.contracts import draft_names
from training.contracts.draft_kinds import AGE, OPEN_CATEGORY, Decision, Field, LeftOut

_WIDTH = 120
_INLINE = 60
"""Longest list of levels that stands in the line of its field."""
_LONGEST_NAME = 60


FEATURES, COLUMNS = "features.py", "columns.toml"


@dataclass(frozen=True)
class Draft:
    """All decisions about a table."""

    source: str
    decisions: Mapping[str, Decision]
    """By the name of the column; the outcome is not among them."""
    target: Target
    style: CsvFormat

    @cached_property
    def names(self) -> dict[str, str]:
        """The name of a field for each column."""
        return dict(zip(self.decisions, draft_names.fields(list(self.decisions)), strict=True))

    @property
    def fields(self) -> dict[str, Field]:
        """The columns that become fields, by the name of the field."""
        return {self.names[name]: found for name, found in self.decisions.items() if isinstance(found, Field)}

    @property
    def left_out(self) -> list[LeftOut]:
        """The columns that no field reads."""
        return [found for found in self.decisions.values() if isinstance(found, LeftOut)]


def features(draft: Draft) -> str:
    """Return the text of features.py."""
    levels = {name: field for name, field in draft.fields.items() if _has_own_type(field)}
    types = dict(zip(levels, _type_names(levels), strict=True))
    kinds = {field.kind.partition("[")[0] for field in draft.fields.values()} & {"Annotated", "Literal"}
    imports = [f"from typing import {', '.join(sorted(kinds))}\n"] if kinds else []
    parts = [
        '"""The contract: what a customer is; drafted from a table."""',
        "",
        *imports,
        "from pydantic import Field",
        "",
        "from models.customer import declaration",
        *(line for name, kind in types.items() for line in ("", *_level_type(kind, levels[name].levels))),
        "",
        "",
        "class CustomerFeatures(declaration.Features):",
        '    """One customer on the day of the prediction."""',
        "",
        *(line for name, field in draft.fields.items() for line in _field(name, field, types.get(name))),
        "",
        "",
        "CONTRACT = declaration.derive(CustomerFeatures)",
    ]
    return "\n".join(parts) + "\n"


def columns(draft: Draft) -> str:
    """Return the text of the columns file."""
    never = [column for column in draft.left_out if column.is_forbidden]
    others = [column for column in draft.left_out if not column.is_forbidden]
    lines = [
        f"# Where {plain_text.one_line(draft.source)} has the fields of models/features.py; drafted from it.",
        "never_features = [",
        *(f"    {_toml(column.column)}, # {_reason(column)}" for column in never),
        "]",
        "",
        "[target]",
        f"column = {_toml(draft.target.column)}",
        f"positive = {_toml(draft.target.positive)} # the value that means churn",
        "",
        "[features]",
        *(entry for name, field in draft.fields.items() if (entry := _entry(name, field))),
    ]
    if style := style_lines(draft.style):
        lines += ["", "[csv]", *style]
    if others:
        lines += ["", "# Left out; a column comes in with a field in models/features.py and a line under [features]:"]
        lines += [f"# {_toml(column.column)}: {_reason(column)}" for column in others]
    return "\n".join(lines) + "\n"


def style_lines(style: CsvFormat) -> list[str]:
    """Return the lines of the section `[csv]`; none for a file that is read without them."""
    return [f"{name} = {_toml(value)}" for name, value in style.model_dump(exclude_defaults=True).items()]


def quoted(text: str) -> str:
    r"""Write a text as ruff does in Python, with an escape for each sign that looks like another.

    >>> print(quoted("Müller"), quoted('say "no"'), quoted("18\u201325"))
    "Müller" 'say "no"' "18\u201325"
    """
    sign = "'" if '"' in text and "'" not in text else '"'
    return sign + "".join(_escaped(one, sign) for one in text) + sign


def _escaped(one: str, sign: str) -> str:
    if one in ("\\", sign):
        return f"\\{one}"
    is_plain = one.isalpha() or (one.isascii() and one.isprintable()) or unicodedata.category(one) == "Sc"
    return one if is_plain else one.encode("unicode_escape").decode("ascii")


def _field(name: str, field: Field, type_name: str | None) -> list[str]:
    bounds = [] if field.bounds is None else [f"ge={_number(field.bounds[0])}", f"le={_number(field.bounds[1])}"]
    shown = field.column if len(field.column) <= _LONGEST_NAME else f"{field.column[:_LONGEST_NAME]}..."
    example = quoted(field.example) if isinstance(field.example, str) else repr(field.example)
    words = [*bounds, f"description={quoted(f'Column `{shown}` of the table.')}", f"examples=[{example}]"]
    start = f"    {name}: {_annotation(field, type_name)} = Field("
    line = f"{start}{', '.join(words)})"
    if len(line) <= _WIDTH:
        return [line]
    inner = f"        {', '.join(words)}"
    return [start, *([inner] if len(inner) <= _WIDTH else [f"        {word}," for word in words]), "    )"]


def _annotation(field: Field, type_name: str | None) -> str:
    kind = type_name or (f"Literal[{_levels(field.levels)}]" if field.levels else field.kind)
    if not field.is_nullable:
        return kind
    inner, comma, mark = kind.partition(", ") if kind in (AGE, OPEN_CATEGORY) else (kind, "", "")
    return f"{inner} | None{comma}{mark}"


def _level_type(name: str, levels: Iterable[str]) -> list[str]:
    return [f"{name} = Literal[", *(f"    {quoted(level)}," for level in levels), "]"]


def _has_own_type(field: Field) -> bool:
    return len(_levels(field.levels)) > _INLINE


def _levels(levels: Iterable[str]) -> str:
    return ", ".join(map(quoted, levels))


def _type_names(fields: Iterable[str]) -> list[str]:
    found: list[str] = []
    for field in fields:
        name = f"{''.join(map(str.capitalize, field.split('_')))}Level"
        found.append(name if name not in found else f"{name}{len(found)}")
    return found


def _number(number: float) -> str:
    return f"{number:_}" if isinstance(number, int) else repr(number)


def _entry(name: str, field: Field) -> str:
    words = [f"column = {_toml(field.column)}"]
    if field.values:
        pairs = ", ".join(f"{_toml(word)} = {_toml(meaning)}" for word, meaning in field.values.items())
        words.append(f"values = {{ {pairs} }}")
    if field.age_at:
        words.append(f"age_at = {_toml(field.age_at)}")
    if field.nulls:
        words.append(f"nulls = {_toml(list(field.nulls))}")
    is_plain = len(words) == 1 and field.column == name
    note = f" # {plain_text.one_line(field.why)}" if field.age_at else ""
    return "" if is_plain else f"{name} = {{ {', '.join(words)} }}{note}"


def _reason(column: LeftOut) -> str:
    return plain_text.one_line(f"{column.why}; {column.remedy}" if column.remedy else column.why)


def _toml(value: object) -> str:
    """Write a text, a boolean, a whole number or a list of texts; TOML has JSON's escapes."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
