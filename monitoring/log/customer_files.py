"""Reads a random sample of a file of customers (CSV, Parquet or JSON lines) as the contract's columns.

Only one chunk and the sample are in memory at a time.
"""

import json
import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from models.customer import parsing, tables
from models.customer.contract import Contract, Feature
from monitoring.errors import ColumnsMissing
from monitoring.log import sampling

KINDS = (*tables.KINDS, ".jsonl")
_CHUNK_ROWS = 50_000

logger = logging.getLogger(__name__)


def read(path: Path, contract: Contract, *, rows: int) -> tuple[pd.DataFrame, int]:
    """Sample at most `rows` rows at random; return them in the contract's columns, and the number of all rows.

    Raises:
        TableError: the file does not exist, this process may not read it, or its format is not that of its suffix.
        ColumnsMissing: the file lacks columns of the contract.
    """
    tables.require_kind(path, KINDS)
    with tables.reading(path, KINDS):
        if path.suffix.lower() == ".jsonl":
            sample = sampling.draw(_line_chunks(path), rows=rows)
            cells = _parse_lines(path, sample.table, contract)
        else:
            sample = sampling.draw(_table_chunks(path, contract), rows=rows)
            # Without pandas' own metadata, nulls are NaN or None, which the contract accepts, and never pandas.NA.
            cells = sample.table.to_pandas(ignore_metadata=True)
    logger.info("read %s rows from %s", f"{sample.of_rows:,}", path)
    return values(cells, contract), sample.of_rows


def values(cells: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Convert cells, text or not, to values of the contract's columns, in its order; other columns are left out."""
    return pd.DataFrame({feature.name: _values(feature, cells[feature.name]) for feature in contract.features})


def _values(feature: Feature, cells: pd.Series) -> pd.Series:
    if cells.dtype.kind in "biuf":
        return cells
    return pd.Series(parsing.read(feature, cells), index=cells.index, dtype=object)


def _table_chunks(path: Path, contract: Contract) -> Iterator[pa.Table]:
    columns = tables.schema(path)
    _require_columns(path, columns.names, contract)
    yield pa.schema([columns.field(columns.names.index(name)) for name in contract.names]).empty_table()
    for chunk in tables.reject_misfits(path, tables.chunks(path, rows=_CHUNK_ROWS, columns=contract.names)):
        yield chunk.table


def _line_chunks(path: Path) -> Iterator[pa.Table]:
    yield pa.schema([("number", pa.int64()), ("line", pa.string())]).empty_table()
    first = 1
    with path.open(encoding="utf-8-sig") as file:
        while some := list(islice(file, _CHUNK_ROWS)):
            lines = pa.table({"number": np.arange(first, first + len(some)), "line": some})
            yield lines.filter(compute.not_equal(compute.utf8_trim_whitespace(lines["line"]), ""))
            first += len(some)


def _parse_lines(path: Path, lines: pa.Table, contract: Contract) -> pd.DataFrame:
    # pandas would refuse the whole file for one number of more than 64 bits.
    numbered = zip(*(column.to_pylist() for column in lines.columns), strict=True)
    rows = [_json_object(number, line) for number, line in numbered]
    if rows:
        _require_columns(path, set().union(*rows), contract)
    return pd.DataFrame(rows, columns=list(contract.names))


def _json_object(number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line, parse_int=float)  # an integer of any length becomes a number or infinity, not an error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"line {number} is not JSON") from error
    if not isinstance(value, dict):
        raise ValueError(f"line {number} is not a JSON object")  # noqa: TRY004  # the file is wrong, not the program
    return value


def _require_columns(path: Path, found: Iterable[str], contract: Contract) -> None:
    present = set(found)
    if missing := [name for name in contract.names if name not in present]:
        raise ColumnsMissing(path=path, columns=missing)
