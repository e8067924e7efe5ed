"""Finds the files of a folder that is one table, with the columns that are written as names of folders.

Spark, Hive and others write the rows of a month to `year=2026/month=11/part-0.parquet`, without these two columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Partition:
    """One file of a table."""

    path: Path
    columns: Mapping[str, str | None] = field(default_factory=dict)
    """Value of each column that the names of its folders tell; None for null."""


@dataclass(frozen=True)
class Piece:
    """Rows of a table that can be read without the others."""

    partition: Partition
    rows: int | None
    """None if only reading tells."""
    row_groups: tuple[int, ...] | None = None
    """The row groups of a Parquet file; None for all."""


def find(folder: Path) -> list[Partition]:
    """Return the files of a folder, in the order of their paths.

    Raises:
        ValueError: there are none, or they are not partitioned by the same columns.
    """
    paths = sorted(path for path in folder.rglob("*.parquet") if path.is_file() and not _is_hidden(path, folder))
    if not paths:
        raise ValueError("it is a folder without .parquet files")
    parts = [Partition(path, _columns(path, folder)) for path in paths]
    for part in parts:
        if list(part.columns) != list(parts[0].columns):
            first, other = (one.path.relative_to(folder) for one in (parts[0], part))
            raise ValueError(f"{other} is in other folders than {first}; all files need the same, such as year=2026")
    return parts


def _is_hidden(path: Path, folder: Path) -> bool:
    """Tell whether a program keeps a file for itself, as those below `_delta_log` or `.tmp`."""
    return any(
        name.startswith(".") or (name.startswith("_") and "=" not in name) for name in path.relative_to(folder).parts
    )


def _columns(path: Path, folder: Path) -> dict[str, str | None]:
    columns: dict[str, str | None] = {}
    for name in path.relative_to(folder).parts[:-1]:
        column, sign, value = name.partition("=")
        column = unquote(column).strip()
        if not sign or not column or column in columns:
            raise ValueError(f"the name of its folder {name} is not a new column and its value, such as year=2026")
        columns[column] = None if value == _NULL else unquote(value)
    return columns
