"""Files of customers, CSV, Parquet or JSON lines, of which a sample is read into the contract's columns.

Whatever the size of a file, a chunk of it and the sample are in memory; a cell outside the sample is never looked at.
"""

import json
import logging
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
from pyarrow import compute

from models.customer import texts
from models.customer.contract import Contract, Feature
from monitoring.errors import ColumnsMissing, TableLocked, TableMissing, TableUnreadable
from monitoring.log import sampling

logger = logging.getLogger(__name__)

_CHUNK_ROWS = 50_000
_READ_BYTES = 1 << 20


def read(path: Path, contract: Contract, *, rows: int) -> tuple[pd.DataFrame, int]:
    """Read at most so many rows, drawn by chance, in the contract's columns; and count all.

    Raises:
        TableMissing: there is no such file.
        TableLocked: this process may not read it.
        TableUnreadable: it has another ending, or is not what its ending says.
        ColumnsMissing: it lacks columns of the contract.
    """
    if not path.is_file():
        raise TableMissing(path=path)
    try:
        sample = sampling.draw(_reader(path)(path, contract), rows=rows)
        table = _parse_lines(path, sample.table, contract) if path.suffix.lower() == ".jsonl" else sample.table
    except PermissionError as error:
        raise TableLocked(path=path) from error
    except (ValueError, OSError) as error:  # what pyarrow raises is one or the other
        raise TableUnreadable(path=path, problem=str(error).rstrip(".!")) from error
    logger.info("read %s rows from %s", f"{sample.of_rows:,}", path)
    # Without pandas' own metadata nulls come as NaN or None, which the contract knows, and never as pandas.NA.
    cells = table if isinstance(table, pd.DataFrame) else table.to_pandas(ignore_metadata=True)
    return values(cells, contract), sample.of_rows


def values(cells: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Read cells, text or not, as values of the contract's columns, in its order; others are left out."""
    return pd.DataFrame({feature.name: _values(feature, cells[feature.name]) for feature in contract.features})


def _values(feature: Feature, cells: pd.Series) -> pd.Series:
    if cells.dtype.kind in "biuf":
        return cells
    return pd.Series(texts.read(feature, cells), index=cells.index, dtype=object)


def _csv_chunks(path: Path, contract: Contract) -> Iterator[pa.Table]:
    misfits: list[str] = []

    def refuse(row: pc.InvalidRow) -> str:  # pyarrow's own words would show a customer's values
        misfits.append(f"row {row.number} has {row.actual_columns} cells, the header {row.expected_columns}")
        return "error"

    options = {
        "read_options": pc.ReadOptions(use_threads=False, block_size=4 * _READ_BYTES),
        "parse_options": pc.ParseOptions(newlines_in_values=True, invalid_row_handler=refuse),
        # As text, because a guess of a column's type depends on its blanks.
        "convert_options": pc.ConvertOptions(default_column_type=pa.string()),
    }
    try:
        with pc.open_csv(path, **options) as batches:
            _require_columns(path, batches.schema.names, contract)
            yield pa.table(batches.schema.empty_table()).select(contract.names)
            for batch in batches:
                yield pa.table(batch).select(contract.names)
    except pa.ArrowInvalid as error:
        raise ValueError(misfits[0] if misfits else str(error)) from error


def _parquet_chunks(path: Path, contract: Contract) -> Iterator[pa.Table]:
    # Else pyarrow reads ahead, and keeps what it has read: all of the file in the end.
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BYTES) as file:
        _require_columns(path, file.schema_arrow.names, contract)
        yield file.schema_arrow.empty_table().select(contract.names)
        for batch in file.iter_batches(_CHUNK_ROWS, columns=list(contract.names)):
            yield pa.table(batch).select(contract.names)


def _line_chunks(path: Path, _: Contract) -> Iterator[pa.Table]:
    yield pa.schema([("number", pa.int64()), ("line", pa.string())]).empty_table()
    first = 1
    with path.open(encoding="utf-8-sig") as file:
        while some := list(islice(file, _CHUNK_ROWS)):
            lines = pa.table({"number": np.arange(first, first + len(some)), "line": some})
            yield lines.filter(compute.not_equal(compute.utf8_trim_whitespace(lines["line"]), ""))
            first += len(some)


def _parse_lines(path: Path, lines: pa.Table, contract: Contract) -> pd.DataFrame:
    # Not with pandas, which refuses the whole file for one number of more than 64 bits.
    numbered = zip(*(column.to_pylist() for column in lines.columns), strict=True)
    rows = [_json_object(number, line) for number, line in numbered]
    if rows:
        _require_columns(path, set().union(*rows), contract)
    return pd.DataFrame(rows, columns=list(contract.names))


def _json_object(number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line, parse_int=float)  # an integer of any length is a number or infinity, not an error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"line {number} is not JSON") from error
    if not isinstance(value, dict):
        raise ValueError(f"line {number} is not a JSON object")  # noqa: TRY004  # the file is wrong, not the program
    return value


def _require_columns(path: Path, found: Any, contract: Contract) -> None:
    if missing := [name for name in contract.names if name not in found]:
        raise ColumnsMissing(path=path, columns=missing)


def _reader(path: Path) -> Callable[[Path, Contract], Iterator[pa.Table]]:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise TableUnreadable(path=path, problem=f"{path.suffix or 'no ending'} is not a known kind of file")
    return reader


_READERS = {".csv": _csv_chunks, ".parquet": _parquet_chunks, ".jsonl": _line_chunks}
