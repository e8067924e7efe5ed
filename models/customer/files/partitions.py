"""Finds the files of a folder that is one table, with the columns that are written as names of folders.

Spark, Hive and others write the rows of a month to `year=2026/month=11/part-0.parquet`, without these two columns.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote

from models.customer.files import store_files, table_formats
from models.customer.files.store_files import Found
from models.customer.files.stores import Table

logger = logging.getLogger(__name__)

_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Partition:
    """One file of a table."""

    path: Table
    columns: Mapping[str, str | None] = field(default_factory=dict)
    """Value of each column that the names of its folders tell; None for null."""
    relative: str = ""
    """Its path in the folder of the table; empty if the table is this file."""


@dataclass(frozen=True)
class Piece:
    """Rows of a table that can be read without the others."""

    partition: Partition
    rows: int | None
    """None if only reading tells."""
    row_groups: tuple[int, ...] | None = None
    """The row groups of a Parquet file; None for all."""
    like: Partition | None = None
    """A file that has the table's columns, where its own lacks some; None where it has all."""


def find(folder: Table) -> list[Partition]:
    """Return the files of a folder, in the order of their paths.

    Raises:
        TableUnreadable: the folder belongs to a table whose log says which of its files count.
        ValueError: there are none, or they are not partitioned by the same columns.
    """
    found = store_files.walk(folder)
    table_formats.require_plain(folder, found)
    seen = [file for file in found if not file.is_hidden]
    files = [file for file in seen if _is_parquet(file)]
    if not files:
        raise ValueError("it is a folder without .parquet files")
    if other := [file.relative for file in seen if not _is_parquet(file)]:
        _tell_left_out(str(folder), len(other), other[0])
    parts = [Partition(file.path, _columns(file.parts), file.relative) for file in files]
    for file, part in zip(files, parts, strict=True):
        if list(part.columns) != list(parts[0].columns):
            first = files[0].relative
            raise ValueError(
                f"{file.relative} is in other folders than {first}; all files need the same, such as year=2026"
            )
    return parts


def values(names: Sequence[str]) -> dict[str, str | None]:
    """Return the columns that the names of folders tell; other folders tell none.

    >>> values(["customers", "year=2026", "country=__HIVE_DEFAULT_PARTITION__"])
    {'year': '2026', 'country': None}
    """
    told = (name.partition("=") for name in names if "=" in name)
    return {unquote(column).strip(): None if value == _NULL else unquote(value) for column, _, value in told}


def _is_parquet(file: Found) -> bool:
    return file.path.suffix.lower() == ".parquet"


@lru_cache
def _tell_left_out(folder: str, files: int, first: str) -> None:
    """Warn once: a table is listed for its columns, and again for its rows."""
    logger.warning("%s: left out %d files that are no .parquet files, such as %s", folder, files, first)


def _columns(parts: Sequence[str]) -> dict[str, str | None]:
    columns: dict[str, str | None] = {}
    for name in parts[:-1]:
        found = values([name])
        if not all(found) or not found or found.keys() & columns.keys():
            raise ValueError(f"the name of its folder {name} is not a new column and its value, such as year=2026")
        columns |= found
    return columns
