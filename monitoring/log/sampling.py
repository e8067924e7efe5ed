"""Uniform random samples of streams and of the prediction log; only the sample is in memory.

Each row of a stream gets a random key, and the rows with the smallest keys are the sample. In the prediction log, the
last digits of the id are the key: they are random.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from models.customer.contract import Vector

_SEED = 0  # the same stream gives the same sample
_ID_DIGITS, _CHANCE_DIGITS = 32, 12


@dataclass(frozen=True)
class Sample:
    """The sampled rows, in the order of the stream."""

    table: pa.Table
    of_rows: int
    """Number of rows of the whole stream."""


def draw(chunks: Iterable[pa.Table], *, rows: int) -> Sample:
    """Sample `rows` rows at random, or return all if there are fewer; `chunks` must yield at least one table."""
    random = np.random.default_rng(_SEED)
    tables: list[pa.Table] = []
    keys = np.empty(0)
    of_rows, bound = 0, 1.0
    for chunk in chunks:
        drawn = random.random(len(chunk))
        tables.append(chunk.filter(drawn < bound))
        keys = np.append(keys, drawn[drawn < bound])
        of_rows += len(chunk)
        if len(keys) > 2 * rows:
            tables, keys = _least(tables, keys, rows)
            bound = keys.max()
    tables, _ = _least(tables, keys, rows)
    return Sample(tables[0], of_rows)


def random_key(ids: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Return the random key of the rows of the log; sorted by it, they are in random order."""
    return sa.func.substr(ids, _ID_DIGITS - _CHANCE_DIGITS + 1)


def sample_condition(ids: sa.ColumnElement[str], *, rows: float, of_rows: int) -> sa.ColumnElement[bool]:
    """Return a condition that holds for about `rows` random rows of the log, or for all if there are fewer."""
    if rows >= of_rows:
        return sa.true()
    return random_key(ids) < f"{int(rows / of_rows * 16**_CHANCE_DIGITS):0{_CHANCE_DIGITS}x}"


def _least(tables: list[pa.Table], keys: Vector, rows: int) -> tuple[list[pa.Table], Vector]:
    if len(keys) <= rows:
        return [pa.concat_tables(tables)], keys
    stays = keys <= np.partition(keys, rows - 1)[rows - 1]
    return [pa.concat_tables(tables).filter(stays)], keys[stays]
