"""Finds the rows of a file that count: the newest prediction of each customer, as in the log it was exported from.

A file tells customers apart if it has the log's columns `customer_digest` and `prediction_id`. Up to two million
customers are all counted. Of more, those are drawn whose digest is below a bound, so that memory stays bounded and
each drawn customer still counts once.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from models.customer import tables
from models.customer.contract import Contract, Mask
from models.customer.files.csv_format import CsvFormat
from models.customer.files.stores import Table

COLUMNS = ("customer_digest", "prediction_id")
_MOST_CUSTOMERS = 2_000_000
_CHUNK_ROWS = 200_000
_TEXT_BYTES = 32
Keys = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CountedRows:
    """The rows of a file that count."""

    columns: tuple[str, str]
    """The columns of the customer's digest and of the prediction's id."""
    rows: int
    """All rows of the file."""
    share: float
    """Share of the customers that are drawn; 1 for all."""
    customers: Keys
    """The drawn customers, sorted."""
    newest: Positions
    """The position of each one's newest row in the file."""
    alone: int
    """Rows without a digest, which count each."""
    unreadable: int
    """Those of them that have a value which is no digest."""
    unordered: int
    """Rows with a digest whose prediction has no id of the log; the last of them in the file counts as the newest."""

    @property
    def all_customers(self) -> int:
        """Number of all customers, estimated if only a share is drawn."""
        return round(len(self.customers) / self.share) + self.alone

    def mask(self, chunk: pa.Table, first: int) -> Mask:
        """Return which rows of a chunk count; `first` is the position of its first row in the file."""
        digests, ids = (chunk[name] for name in self.columns)
        customers, known = _customers(digests)
        place = np.minimum(np.searchsorted(self.customers, customers), len(self.customers) - 1)
        position = first + np.arange(len(chunk))
        is_newest = (
            (self.customers[place] == customers) & (self.newest[place] == position) if len(self.customers) else ~known
        )
        is_drawn = _hex(ids)[0][:, 1] % _END < self.share * _END  # the end of an id is random
        return np.where(known, is_newest, is_drawn)


def find(path: Table, contract: Contract, style: CsvFormat) -> CountedRows | None:
    """Find the rows that count; None if the file does not tell customers apart.

    Raises:
        TableError: the file cannot be read.
    """
    digest, prediction = (f"log_{name}" if name in contract.names_set else name for name in COLUMNS)
    if not {digest, prediction} <= set(tables.schema(path, style).names):
        return None
    found = _Newest()
    parts = tables.chunks(path, rows=_CHUNK_ROWS, columns=(digest, prediction), style=style)
    for part in tables.reject_misfits(path, parts):
        found.add(part.table[digest], part.table[prediction])
    customers, _, newest = found.reduced()
    return CountedRows(
        (digest, prediction),
        found.rows,
        found.share,
        customers,
        newest,
        alone=found.alone,
        unreadable=found.unreadable,
        unordered=found.unordered,
    )


class _Newest:
    """The newest row of each customer so far: sorted ones, and a list that is merged when it is as long."""

    def __init__(self) -> None:
        self.rows = self.alone = self.unreadable = self.unordered = 0
        self.share = 1.0
        self._parts: list[tuple[Keys, Keys, Positions]] = []
        self._sorted = 0

    def add(self, digests: pa.ChunkedArray, ids: pa.ChunkedArray) -> None:
        customers, known = _customers(digests)
        numbers, has_time = _hex(ids)
        drawn = known & (customers < self.share * 2.0**64)
        position = self.rows + np.arange(len(customers))
        self._parts.append((customers[drawn], numbers[drawn, 0], position[drawn]))
        self.rows += len(customers)
        alone = int((~known).sum())
        self.alone += alone
        self.unreadable += alone - digests.null_count - _count_empty(digests)
        self.unordered += int((known & ~has_time).sum())
        if sum(len(part[0]) for part in self._parts) > 2 * max(self._sorted, _CHUNK_ROWS):
            self.reduced()

    def reduced(self) -> tuple[Keys, Keys, Positions]:
        """Return the customers, sorted, with the beginning of the newest id and its position."""
        none = np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
        customers, ids, positions = (np.concatenate(column) for column in zip(none, *self._parts, strict=True))
        order = np.lexsort((positions, ids, customers))
        is_last = np.append(np.diff(customers[order]) != 0, True)[: len(order)]
        kept = order[is_last]
        customers, ids, positions = customers[kept], ids[kept], positions[kept]
        while len(customers) > _MOST_CUSTOMERS:
            self.share /= 2
            below = int(np.searchsorted(customers, np.uint64(self.share * 2.0**64)))
            customers, ids, positions = customers[:below], ids[:below], positions[:below]
        self._parts, self._sorted = [(customers, ids, positions)], len(customers)
        return customers, ids, positions


def _customers(digests: pa.ChunkedArray) -> tuple[Keys, Mask]:
    """Return a number of each digest, from all its digits: a file may number its customers instead."""
    halves, known = _hex(digests)
    return halves[:, 0] ^ (halves[:, 1] * _ODD), known


def _hex(texts: pa.ChunkedArray) -> tuple[Keys, Mask]:
    """Read texts of 32 hexadecimal digits as (n, 2) numbers; all other values are 0, and not known."""
    column = _bytes(texts)
    known = pc.coalesce(pc.match_substring_regex(column, _DIGEST), pa.scalar(value=False))
    filled = pc.if_else(known, column, b"0" * _TEXT_BYTES).cast(pa.binary(_TEXT_BYTES))
    _, content = filled.buffers()
    digits = bytes(content or b"")[_TEXT_BYTES * filled.offset :][: _TEXT_BYTES * len(filled)]
    numbers = np.frombuffer(bytes.fromhex(digits.decode("ascii")), dtype=">u8").astype(np.uint64)
    return numbers.reshape(-1, 2), np.asarray(known, dtype=np.bool_)


def _count_empty(texts: pa.ChunkedArray) -> int:
    return int(pc.sum(pc.equal(pc.binary_length(_bytes(texts)), 0)).as_py() or 0)


def _bytes(column: pa.ChunkedArray) -> pa.Array:
    """Return texts as bytes; a column of another type has no digests and is null."""
    is_bytes = pa.types.is_binary(column.type) or pa.types.is_fixed_size_binary(column.type)
    held = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if is_bytes or pa.types.is_large_binary(column.type):
        return column.cast(pa.binary()).combine_chunks()
    if pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_string_view(held):
        return column.cast(pa.string()).cast(pa.binary()).combine_chunks()
    return pa.nulls(len(column), pa.binary())


_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: spreads numbers in sequence evenly
_END = np.uint64(16**12)
_DIGEST = "^[0-9a-fA-F]{32}$"
