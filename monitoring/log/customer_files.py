"""Reads a random sample of a file of customers as the contract's columns.

Only one chunk and the sample are in memory at a time.
"""

import logging
from collections.abc import Callable, Iterator, Sequence

import pandas as pd
import pyarrow as pa

from models.bundles.bundle import Bundle
from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.columns.conversions import Conversions
from models.customer import tables
from models.customer.contract import Contract
from models.customer.files.stores import Table
from monitoring.log import sampling
from monitoring.log.counted_rows import CountedRows

_CHUNK_ROWS = 50_000
_SAME_NAMES = ColumnMapping()
Each = Callable[[pd.DataFrame], object]

logger = logging.getLogger(__name__)


def read(
    path: Table,
    contract: Contract,
    *,
    rows: int,
    mapping: ColumnMapping = _SAME_NAMES,
    counted: CountedRows | None = None,
    each: Each | None = None,
) -> tuple[pd.DataFrame, int]:
    """Sample at most `rows` rows at random; return them in the contract's columns, and the number of all rows.

    Rows that are not `counted` are left out. `each` is given all others, a chunk at a time, in the contract's columns.

    Raises:
        TableError: the file does not exist, this process may not read it, or its format is not that of its suffix.
        ColumnMissing, ColumnRepeated: the file lacks columns that the mapping names, or has them twice.
    """
    present, conversions = tables.schema(path, mapping.csv), Conversions()
    fitted = mapping.fitted(contract, present.names)

    def made(part: pa.Table, counted: Conversions) -> pd.DataFrame:
        # Without pandas' own metadata, nulls are NaN or None, which the contract accepts, and never pandas.NA.
        return column_mapping.features(fitted, part.to_pandas(ignore_metadata=True), contract, counted)

    def seen(parts: Iterator[pa.Table]) -> Iterator[pa.Table]:
        for part in parts:
            if each is not None and len(part):
                each(made(part, conversions))
            yield part

    needed = list(dict.fromkeys([*fitted.foreign_columns(contract), *(counted.columns if counted else ())]))
    parts = _chunks(path, present, needed, fitted)
    sample = sampling.draw(seen(_only(counted, parts) if counted else parts), rows=rows)
    logger.info("read %s rows from %s", f"{sample.of_rows:,}", path)
    found = made(sample.table, Conversions() if each else conversions)
    conversions.tell()
    return found, sample.of_rows


def read_of_bundle(model: Bundle, name: str, contract: Contract, *, rows: int) -> pd.DataFrame:
    """Sample a file of customers of a bundle; fields of the contract that its model does not know are unknown in it."""
    known = Contract(tuple(feature for feature in contract.features if feature.name in model.contract.names_set))
    table, _ = read(model.path(name), known, rows=rows)
    return table.reindex(columns=list(contract.names))


def values(cells: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Convert logged cells to values of the contract's columns, in its order; other columns are left out."""
    return column_mapping.features(_SAME_NAMES, cells, contract, logged=True)


def _only(counted: CountedRows, parts: Iterator[pa.Table]) -> Iterator[pa.Table]:
    first = 0
    for part in parts:
        yield part.filter(counted.mask(part, first))
        first += len(part)


def _chunks(path: Table, present: pa.Schema, needed: Sequence[str], mapping: ColumnMapping) -> Iterator[pa.Table]:
    column_mapping.require(needed, present.names, remedy=mapping.remedy)
    yield pa.schema([present.field(present.names.index(name)) for name in needed]).empty_table()
    parts = tables.chunks(path, rows=_CHUNK_ROWS, columns=needed, style=mapping.csv)
    for chunk in tables.reject_misfits(path, parts):
        yield chunk.table
