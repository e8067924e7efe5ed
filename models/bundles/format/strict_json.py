"""Reads JSON strictly: no repeated keys, no NaN or infinity, no text that is not Unicode, at most 200 levels."""

import json
import math
from typing import Any

from pydantic_core import from_json


def read(content: bytes) -> Any:
    """Read one JSON value.

    Raises:
        ValueError: the content is not JSON, or breaks one of these rules.
    """
    from_json(content, allow_inf_nan=False)  # checks UTF-8, lone surrogates and depth, which `json` does not
    return json.loads(content.decode(), object_pairs_hook=_unique, parse_float=_finite)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"the number {text[:20]} is too large")
    return value
