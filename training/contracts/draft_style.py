"""Finds by looking how a file of text is written: encoding, delimiter, and the signs of its numbers."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

from models.customer import tables
from models.customer.files import opening
from models.customer.files.csv_format import CsvFormat
from models.customer.files.stores import Table
from training.contracts import draft_profile

_DELIMITERS = (",", ";", "\t", "|")
_LOOKED_AT_LINES, _LOOKED_AT_VALUES = 200, 500
_SURROGATE = re.compile("[\ud800-\udfff]")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")
"""A number that is a thousand times larger if the point separates thousands."""
_POINT_FIRST = ((".", ""), (".", ","), (".", " "), (".", "'"), (",", ""), (",", "."), (",", " "), (",", "'"))
_COMMA_FIRST = ((".", ""), (",", ""), (",", "."), (",", " "), (",", "'"), (".", ","), (".", " "), (".", "'"))
"""Decimal sign and thousands sign, the likelier first; with semicolons between cells, mostly commas are decimal."""


def of_file(path: Table, declared: CsvFormat) -> CsvFormat:
    """Return the declared style with the encoding and the delimiter of a file of text.

    Raises:
        TableError: the file cannot be read.
    """
    name = path.name.lower().removesuffix(".gz")
    if path.is_dir() or not name.endswith((".csv", ".tsv", ".jsonl")):
        return declared
    with tables.reading(path):
        found = declared if declared.encoding else _with_encoding(path, declared)
        if declared.delimiter or not name.endswith(".csv"):
            return found
        with opening.text(path, found) as (text, _):
            lines = list(islice(text, _LOOKED_AT_LINES))
    delimiter = max(_DELIMITERS, key=lambda sign: _fits(lines, sign, found.quote))
    return found if delimiter == "," else found.model_copy(update={"delimiter": delimiter})


def with_numbers(style: CsvFormat, columns: Iterable[Sequence[str]]) -> CsvFormat:
    """Return the style with the decimal and thousands signs that make the most columns numbers; each is some texts."""
    if "decimal" in style.model_fields_set or "thousands" in style.model_fields_set:
        return style
    known = [texts for texts in (_values(column, style) for column in columns) if texts]
    signs = _COMMA_FIRST if style.delimiter == ";" else _POINT_FIRST
    content = style.model_dump(exclude_defaults=True)
    options = [CsvFormat.model_validate(content | {"decimal": point, "thousands": sign}) for point, sign in signs]
    return max(options, key=lambda option: sum(_plausible(texts, option) for texts in known))


def _with_encoding(path: Table, style: CsvFormat) -> CsvFormat:
    for encoding in (None, "cp1252"):
        found = style.model_copy(update={"encoding": encoding}) if encoding else style
        with opening.text(path, found) as (text, _):
            if not any(_SURROGATE.search(line) for line in text):
                return found
    return style.model_copy(update={"encoding": "latin-1"})  # it has a character for every byte


def _fits(lines: Sequence[str], delimiter: str, quote: str) -> tuple[float, int]:
    """Rate a delimiter: the share of rows with as many cells as the header, if there are several, and their number."""
    try:
        header, *rows = [cells for cells in csv.reader(lines, delimiter=delimiter, quotechar=quote) if cells]
    except (csv.Error, ValueError):  # ValueError: there is no line
        return 0, 0
    if len(header) < 2:
        return 0, 0
    share = sum(len(cells) == len(header) for cells in rows) / max(len(rows), 1)
    return round(share, 1), len(header)


def _values(column: Sequence[str], style: CsvFormat) -> Sequence[str]:
    counted = Counter(text.strip() for text in column)
    texts = [text for text in counted if not draft_profile.is_null(text, style)]
    return texts[:_LOOKED_AT_VALUES]


def _plausible(texts: Sequence[str], style: CsvFormat) -> float:
    """Rate a style for a column: 1 if its texts are numbers, less if a point may separate thousands, 0 otherwise."""
    others = Counter({text: 1 for text in texts if draft_profile.read_number(text, style) is None})
    if not draft_profile.are_numbers(len(texts) - len(others), others):
        return 0
    pointed = [text for text in texts if "." in text]
    is_doubtful = style.delimiter == ";" and style.decimal == "." and bool(pointed)
    return 0.5 if is_doubtful and all(map(_GROUPED.fullmatch, pointed)) else 1
