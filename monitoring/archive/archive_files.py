"""Writes the file of a week whole or not at all, and compares it with the rows of the log."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from models import plain_text
from models.log.partitions.weeks import Week
from monitoring.archive.logged_rows import BATCH_ROWS
from monitoring.errors import ArchiveUnusable

_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Differences:
    """Numbers of rows in which a file and the log differ."""

    only_in_file: int = 0
    only_in_log: int = 0
    changed: int = 0

    @property
    def has_all(self) -> bool:
        """Whether the file has each row of the log as it is there."""
        return not (self.only_in_log or self.changed)


def path_of(folder: Path, week: Week) -> Path:
    """Return the path of the file of a week."""
    return folder / f"predictions-{week.start:%Y-%m-%d}.parquet"


def write(path: Path, columns: pa.Schema, tables: Iterable[pa.Table]) -> None:
    """Write a file; it appears under its name when all of it is on the disk.

    Raises:
        ArchiveUnusable: it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            with pq.ParquetWriter(file, columns, compression="zstd") as rows:
                for table in tables:
                    rows.write_table(table)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ArchiveUnusable(
            path=path,
            problem=f"it cannot be written: {error.strerror or plain_text.first_line(error)}",
            remedy="Name a folder on a disk with space, which this user may write to",
        ) from error


def compare(path: Path, columns: pa.Schema, tables: Iterable[pa.Table], *, key: str) -> Differences:
    """Compare a file with the rows of the log, both in the order of their ids; it needs the memory of a few batches.

    Raises:
        ArchiveUnusable: the file is damaged, or has other columns.
    """
    remedy = "Move it to another folder, and run the command again"
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BYTES) as file:
            if not file.schema_arrow.equals(columns):
                raise ArchiveUnusable(
                    path=path, problem="it has other columns than the log's rows of today", remedy=remedy
                )
            return _compare(file.iter_batches(BATCH_ROWS), tables, columns, key)
    except (OSError, pa.ArrowException) as error:
        raise ArchiveUnusable(path=path, problem=plain_text.first_line(error).rstrip("."), remedy=remedy) from error


def _compare(
    batches: Iterator[pa.RecordBatch], tables: Iterable[pa.Table], columns: pa.Schema, key: str
) -> Differences:
    written = (pa.Table.from_batches([batch], schema=columns) for batch in batches)
    only_in_file = only_in_log = changed = 0
    waiting = columns.empty_table()
    for table in tables:
        if not len(waiting):
            waiting = next(written, waiting)
        if waiting.equals(table):  # the usual case: both are cut at the same rows
            waiting = columns.empty_table()
            continue
        last = table[key][-1].as_py()
        while (more := next(written, None)) is not None:
            waiting = pa.concat_tables([waiting, more])
            if waiting[key][-1].as_py() > last:
                break
        until = sum(identity <= last for identity in waiting[key].to_pylist())
        ours, theirs = _rows(table, key), _rows(waiting.slice(0, until), key)
        waiting = waiting.slice(until)
        only_in_file += len(theirs.keys() - ours.keys())
        only_in_log += len(ours.keys() - theirs.keys())
        changed += sum(ours[one] != theirs[one] for one in ours.keys() & theirs.keys())
    only_in_file += len(waiting) + sum(map(len, written))
    return Differences(only_in_file, only_in_log, changed)


def _rows(table: pa.Table, key: str) -> dict[str, Any]:
    return {row[key]: row for row in table.to_pylist()}


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
