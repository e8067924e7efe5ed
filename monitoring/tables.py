"""Files of customers, read into the contract's columns: CSV, Parquet or JSON lines.

Knows nothing of drift, nor of which values are allowed: a cell that cannot be read as its kind stays what it is.
"""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from models import texts
from models.contract import Contract, Feature
from monitoring.errors import ColumnsMissing, TableLocked, TableMissing, TableUnreadable

logger = logging.getLogger(__name__)


def read(path: Path, contract: Contract) -> pd.DataFrame:
    """Read the contract's columns, in its order; other columns are left out.

    Raises:
        TableMissing: there is no such file.
        TableLocked: this process may not read it.
        TableUnreadable: it has another ending, or is not what its ending says.
        ColumnsMissing: it lacks columns of the contract.
    """
    try:
        table = _read_file(path)
    except PermissionError as error:
        raise TableLocked(path=path) from error
    except (ValueError, OSError) as error:  # what pandas and pyarrow raise is one or the other
        raise TableUnreadable(path=path, problem=str(error).rstrip(".!")) from error
    if missing := [name for name in contract.names if name not in table.columns]:
        raise ColumnsMissing(path=path, columns=missing)
    logger.info("read %s rows from %s", f"{len(table):,}", path)
    return pd.DataFrame({feature.name: _values(feature, table[feature.name]) for feature in contract.features})


def _read_file(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise TableMissing(path=path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise TableUnreadable(path=path, problem=f"{path.suffix or 'no ending'} is not a known kind of file")
    return reader(path)


def _values(feature: Feature, cells: pd.Series) -> pd.Series:
    if cells.dtype.kind in "biuf":
        return cells
    return pd.Series(texts.read(feature, cells), index=cells.index, dtype=object)


def _read_csv(path: Path) -> pd.DataFrame:
    # As text, because pandas' guess of a column's type depends on its blanks.
    return pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False)


def _read_parquet(path: Path) -> pd.DataFrame:
    # Without pandas' own metadata nulls come as NaN or None, which the contract knows, and never as pandas.NA.
    table: pd.DataFrame = pq.read_table(path).to_pandas(ignore_metadata=True)
    return table


def _read_json_lines(path: Path) -> pd.DataFrame:
    # Not with pandas, which refuses the whole file for one number of more than 64 bits.
    with path.open(encoding="utf-8-sig") as lines:
        return pd.DataFrame([_json_object(number, line) for number, line in enumerate(lines, 1) if line.strip()])


def _json_object(number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line, parse_int=float)  # an integer of any length is a number or infinity, not an error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"line {number} is not JSON") from error
    if not isinstance(value, dict):
        raise ValueError(f"line {number} is not a JSON object")  # noqa: TRY004  # the file is wrong, not the program
    return value


_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".jsonl": _read_json_lines,
}
