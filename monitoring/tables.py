"""Files of customers, read into the contract's columns: CSV, Parquet or JSON lines.

Knows nothing of drift, nor of which values are allowed: a cell that cannot be read as its kind stays what it is.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from models.contract import Contract, Feature
from monitoring.errors import ColumnsMissing, TableMissing, TableUnreadable

logger = logging.getLogger(__name__)

_NULLS = {"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def read(path: Path, contract: Contract) -> pd.DataFrame:
    """Read the contract's columns, in its order; other columns are left out.

    Raises:
        TableMissing: there is no such file.
        TableUnreadable: it has another ending, or is not what its ending says.
        ColumnsMissing: it lacks columns of the contract.
    """
    if not path.is_file():
        raise TableMissing(path=path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise TableUnreadable(path=path, problem=f"{path.suffix or 'no ending'} is not a known kind of file")
    try:
        table = reader(path, contract)
    except (ValueError, OSError) as error:  # what pandas and pyarrow raise is one or the other
        raise TableUnreadable(path=path, problem=str(error).rstrip(".")) from error
    if missing := [name for name in contract.names if name not in table.columns]:
        raise ColumnsMissing(path=path, columns=missing)
    logger.info("read %s rows from %s", f"{len(table):,}", path)
    return table[list(contract.names)]


def _read_csv(path: Path, contract: Contract) -> pd.DataFrame:
    text = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False)
    return pd.DataFrame(
        {feature.name: _parse(feature, text[feature.name]) for feature in contract.features if feature.name in text}
    )


def _parse(feature: Feature, text: pd.Series) -> pd.Series:
    if feature.kind == "boolean":
        values = text.str.lower().map(_BOOLEANS)
    elif any(isinstance(category, str) for category in feature.categories):
        values = text.map({str(category): category for category in feature.categories})
    else:
        values = pd.to_numeric(text, errors="coerce")
    unreadable = values.isna() & ~text.isin(_NULLS)
    return values.astype(object).where(~unreadable, text) if unreadable.any() else values


def _read_parquet(path: Path, _: Contract) -> pd.DataFrame:
    # Without pandas' own metadata nulls come as NaN or None, which the contract knows, and never as pandas.NA.
    table: pd.DataFrame = pq.read_table(path).to_pandas(ignore_metadata=True)
    return table


def _read_json_lines(path: Path, _: Contract) -> pd.DataFrame:
    return pd.read_json(path, lines=True, dtype=False, convert_dates=False)


_READERS: dict[str, Callable[[Path, Contract], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".jsonl": _read_json_lines,
}
