"""What one column of a table holds: its different values, its smallest and largest number, and how much is missing."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

from models.customer import parsing
from models.customer.files.csv_format import CsvFormat

KEPT = 2_000
"""Most different values of a column that are kept."""
_MOST_WORDS, _WORDS_SHARE, _TYPOS_SHARE = 3, 0.3, 0.01
_DIGIT = re.compile(r"\d")
_LEADING_ZERO = re.compile(r"0\d+")
Stored = Literal["value", "time", "nested"]


@dataclass
class Profile:
    """One column; all rows count, and the first 2,000 different values are kept."""

    name: str
    style: CsvFormat
    stored: Stored = "value"
    rows: int = 0
    missing: int = 0
    values: Counter[str] = field(default_factory=Counter)
    """The different values with their rows: as `parsing.whole` writes them, numbers with a decimal point."""
    others: Counter[str] = field(default_factory=Counter)
    """Those of the values that are no numbers."""
    spelt: dict[str, str] = field(default_factory=dict)
    """How the table first wrote each of the values."""
    numbers: int = 0
    """Rows with a number."""
    low: float = math.inf
    high: float = -math.inf
    second: float = -math.inf
    """The largest number below the highest."""
    are_whole: bool = True
    are_codes: bool = False
    """Whether some begin with a zero, as postcodes do."""
    _known_when_full: int = 0

    @property
    def known(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def is_full(self) -> bool:
        """Whether there may be more different values than are kept."""
        return len(self.values) >= KEPT

    @property
    def distinct_share(self) -> float:
        """Different values as a share of rows with a value, 0 to 1; of a full profile, until it was full."""
        return len(self.values) / max(self._known_when_full or self.known, 1)

    def add(self, column: pa.ChunkedArray) -> None:
        """Count the cells of more rows."""
        self.rows += len(column)
        if self.stored != "value":
            self.missing += column.null_count
            return
        for cell, count in _counted(column):
            self._add(cell, count)

    def number(self, text: str) -> float | None:
        """Return the number that one of the values is; None if it is none."""
        return read_number(self.spelt[text], self.style)

    def read(self, cell: Any) -> float | None:
        """Return the number in a cell; None if it has none."""
        text = parsing.whole(cell)
        return None if text is None else read_number(cell.strip() if isinstance(cell, str) else text, self.style)

    def _add(self, cell: Any, count: int) -> None:
        text = parsing.whole(cell)
        if text is None or is_null(text, self.style):
            self.missing += count
            return
        spelt = cell.strip() if isinstance(cell, str) else text
        number = read_number(spelt, self.style)
        if number is not None:
            self.numbers += count
            self.second = max(self.second, min(self.high, number) if number != self.high else -math.inf)
            self.low, self.high = min(self.low, number), max(self.high, number)
            self.are_whole &= number.is_integer()
            self.are_codes |= bool(_LEADING_ZERO.fullmatch(spelt))
            text = spelt if self.are_codes else parsing.whole(self.style.plain_number(spelt)) or text
        if text in self.values or not self.is_full:
            self.spelt.setdefault(text, spelt)
            self.values[text] += count
            if number is None:
                self.others[text] += count
            if self.is_full and not self._known_when_full:
                self._known_when_full = self.values.total()


def of(name: str, kind: pa.DataType, style: CsvFormat) -> Profile:
    """Return the empty profile of a column; numbers of a typed column are never in the style of texts."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_nested(value) or pa.types.is_binary(value) or pa.types.is_large_binary(value):
        return Profile(name, style, stored="nested")
    if pa.types.is_temporal(value):
        return Profile(name, style, stored="time")
    is_text = pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_null(value)
    return Profile(name, style if is_text else CsvFormat(nulls=style.nulls))


def is_null(text: str, style: CsvFormat) -> bool:
    """Tell whether a text means unknown."""
    if text in parsing.NULLS or not style.nulls:
        return text in parsing.NULLS
    return parsing.canonical(text) in map(parsing.canonical, style.nulls)


def read_number(text: str, style: CsvFormat) -> float | None:
    """Read a finite number that is written in a style; None if the text is none."""
    plain = style.plain_number(text)
    try:
        number = float("nan" if plain is None else plain)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def are_numbers(numbers: int, others: Counter[str]) -> bool:
    """Tell whether values are numbers, with at most three words for unknown, and others in less than a hundredth.

    >>> [are_numbers(100, Counter(others)) for others in ({"k.A.": 20}, {"1O": 1}, {"3+": 20})]
    [True, True, False]
    """
    words = {text: count for text, count in others.items() if not _DIGIT.search(text)}
    typos = others.total() - sum(words.values())
    few = len(words) <= _MOST_WORDS and sum(words.values()) <= _WORDS_SHARE * numbers
    return numbers > 0 and few and typos <= _TYPOS_SHARE * numbers


def _counted(column: pa.ChunkedArray) -> Iterator[tuple[Any, int]]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_null(column.type):
        yield from [(None, len(column))] if len(column) else []
        return
    found = column.value_counts()
    yield from zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True)
