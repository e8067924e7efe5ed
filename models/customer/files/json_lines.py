"""Reads files of JSON lines in chunks; all values become text, as in a CSV file."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from models.customer.files import chunk, opening
from models.customer.files.chunk import Chunk, Selection
from models.customer.files.stores import Table

_ESCAPED = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Half a pair, written as a JSON escape; `models.customer.files.opening` uses others for bytes that are no text."""


def chunks(path: Table, selection: Selection) -> Iterator[Chunk]:
    """Yield an empty chunk that has the columns, and then the chunks of rows; the columns are the keys of all lines.

    Raises:
        ValueError: the file has no line, or one that is no JSON object.
    """
    with opening.text(path, selection.style) as (text, _):
        header = list(dict.fromkeys(name for row in _objects(text) for name in row))
    if not header:
        raise ValueError("it is empty")
    with opening.text(path, selection.style) as (text, progress):
        rows = ([_text(row.get(name)) for name in header] for row in _objects(text))
        yield from chunk.of_text(path, header, rows, selection, progress)


def _objects(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, parse_int=str, parse_float=str)  # numbers stay as they are written
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {number} is not JSON") from error
        if not isinstance(value, dict):
            raise ValueError(f"line {number} is not a JSON object")  # noqa: TRY004  # the file is wrong, not the program
        yield value


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return _ESCAPED.sub("\ufffd", value)
    if value is None:
        return None
    return json.dumps(value)
