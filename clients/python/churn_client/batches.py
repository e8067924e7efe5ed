"""Writes request bodies, and splits any number of rows into bodies within the limits of the service."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass
from datetime import datetime
from typing import Any

MAX_ROWS, MAX_EXPLAINED_ROWS = 10_000, 2_000
MAX_BODY_BYTES = 4_194_304


def encode(body: object) -> bytes:
    """Write a body as JSON.

    Raises:
        ValueError: a number is NaN or infinite.
        TypeError: a value is no JSON value.
    """
    try:
        return json.dumps(body, default=_plain, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        raise ValueError("A number is NaN or infinite. Send None for an unknown value.") from error


def split(name: str, rows: Iterable[object], max_rows: int) -> Iterator[tuple[int, bytes]]:
    """Yield bodies with a list of rows under this name, each with the number of its first row."""
    frame = len(encode({name: []}))
    first, held, size = 0, list[bytes](), frame
    for row in rows:
        text = encode(row)
        if held and (len(held) == max_rows or size + len(text) > MAX_BODY_BYTES):
            yield first, _body(name, held)
            first, held, size = first + len(held), [], frame
        held.append(text)
        size += len(text) + 1  # a comma
    if held:
        yield first, _body(name, held)


def _body(name: str, rows: list[bytes]) -> bytes:
    return b'{"%s":[%s]}' % (name.encode(), b",".join(rows))


def _plain(value: Any) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value):
        return vars(value)
    raise TypeError(f"{value!r} is no JSON value. Send numbers, text, booleans and None of Python's own types.")
