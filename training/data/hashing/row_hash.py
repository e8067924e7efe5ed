"""Hashes rows, and draws by the hash, so that a row has the same side of every split in any partition of the table."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.customer import parsing
from models.customer.contract import Columns, Contract, Vector

Hashes = npt.NDArray[np.uint64]
"""(n,) uint64."""
_STEP, _FIRST, _SECOND = (np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_DRAWN_BITS = 53  # of a float64 in [0, 1)


def of(rows: Columns, contract: Contract) -> Hashes:
    """Hash the features of checked rows, (n,); equal values have equal hashes, whatever their type in the source."""
    found = np.zeros(len(rows[contract.names[0]]), dtype=np.uint64)
    for feature in contract.features:
        column = rows[feature.name]
        bits = of_texts(column) if feature.kind == "open_category" else _of_numbers(feature.encode(column))
        found = combined(found, bits)
    return found


def of_texts(column: pd.Series | npt.NDArray[np.object_]) -> Hashes:
    """Hash texts, (n,); None and NaN have the same hash."""
    codes, different = pd.factorize(np.asarray(column, dtype=object))
    digests = [_digest(str(text)) for text in different.tolist()]
    return np.array([*digests, 0], dtype=np.uint64)[codes]  # the code of null is -1, the last


def of_customers(column: pd.Series, nulls: Sequence[str]) -> tuple[Hashes, int]:
    """Hash the customer's id in each row, (n,) below 2^63, and count the rows without one.

    `nulls` are more texts that mean unknown.
    """
    codes, different = pd.factorize(column)  # a code of -1 means unknown
    texts = [None if cell is pd.NaT else parsing.whole(cell) for cell in different.tolist()]
    unknown = {None, *parsing.NULLS, *map(parsing.whole, nulls)}
    is_unknown = np.array([*(text in unknown for text in texts), True])[codes]
    digests = np.array([*(_digest(str(text)) for text in texts), 0], dtype=np.uint64)
    return digests[codes] >> np.uint64(1), int(is_unknown.sum())


def combined(first: Hashes, second: Hashes) -> Hashes:
    """Combine two hashes of each row; the order matters."""
    return mixed(first * _FIRST + mixed(second))


def uniform(hashes: Hashes, salt: str) -> Vector:
    """Draw a number in [0, 1) for each row, (n,); draws with different salts are independent."""
    drawn = mixed(hashes ^ np.uint64(_digest(salt)))
    return (drawn >> np.uint64(64 - _DRAWN_BITS)) / np.float64(1 << _DRAWN_BITS)


def mixed(numbers: Hashes) -> Hashes:
    """Mix the bits of each number, as SplitMix64 does (Steele, Lea and Flood 2014)."""
    found = numbers + _STEP
    found = (found ^ (found >> np.uint64(30))) * _FIRST
    found = (found ^ (found >> np.uint64(27))) * _SECOND
    return found ^ (found >> np.uint64(31))


def _of_numbers(values: Vector) -> Hashes:
    known = values.astype(np.float32) + np.float32(0)  # as in the matrix; -0.0 equals 0.0
    known[np.isnan(known)] = np.nan  # there are several NaN
    return known.view(np.uint32).astype(np.uint64)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
