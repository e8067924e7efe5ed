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

    @property
    def all_customers(self) -> int:
        """Number of all customers, estimated if only a share is drawn."""
        return round(len(self.customers) / self.share) + self.alone

    def mask(self, chunk: pa.Table, first: int) -> Mask:
        """Return which rows of a chunk count; `first` is the position of its first row in the file."""
        digests, ids = (chunk[name] for name in self.columns)
        customers, known = _hex(digests, 0, 16)
        place = np.minimum(np.searchsorted(self.customers, customers), len(self.customers) - 1)
        position = first + np.arange(len(chunk))
        is_newest = (
            (self.customers[place] == customers) & (self.newest[place] == position) if len(self.customers) else ~known
        )
        is_drawn = _hex(ids, 20, 32)[0] < self.share * 16.0**12  # the end of an id is random
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
    return CountedRows((digest, prediction), found.rows, found.share, customers, newest, found.alone)


class _Newest:
    """The newest row of each customer so far: sorted ones, and a list that is merged when it is as long."""

    def __init__(self) -> None:
        self.rows = self.alone = 0
        self.share = 1.0
        self._parts: list[tuple[Keys, Keys, Positions]] = []
        self._sorted = 0

    def add(self, digests: pa.ChunkedArray, ids: pa.ChunkedArray) -> None:
        customers, known = _hex(digests, 0, 16)
        drawn = known & (customers < self.share * 2.0**64)
        position = self.rows + np.arange(len(customers))
        self._parts.append((customers[drawn], _hex(ids, 0, 16)[0][drawn], position[drawn]))
        self.rows += len(customers)
        self.alone += int((~known).sum())
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


def _hex(texts: pa.ChunkedArray, start: int, stop: int) -> tuple[Keys, Mask]:
    """Read hexadecimal digits of texts of 32 of them as numbers; other texts and nulls are 0, and not known."""
    column = texts.cast(pa.string()).combine_chunks()
    known = pc.coalesce(pc.equal(pc.binary_length(column), _TEXT_BYTES), pa.scalar(value=False))
    filled = pc.if_else(known, column, "0" * _TEXT_BYTES).cast(pa.binary()).cast(pa.binary(_TEXT_BYTES))
    _, content = filled.buffers()
    letters = np.frombuffer(content, dtype=np.uint8).reshape(-1, _TEXT_BYTES)[filled.offset :][: len(filled)]
    digits = _DIGITS[letters[:, start:stop]]
    numbers = np.zeros(len(filled), dtype=np.uint64)
    for at in range(stop - start):
        numbers = (numbers << np.uint64(4)) | digits[:, at]
    return numbers, np.asarray(known, dtype=np.bool_)


_DIGITS = np.zeros(256, dtype=np.uint64)
_DIGITS[list(b"0123456789abcdef")] = np.arange(16, dtype=np.uint64)
