"""The format of a page of the spool: one row in each line, after its checksum, so that a damaged row is recognised.

Pages of earlier versions, and rows that a person repaired, have no checksum.
"""

import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar
from zlib import crc32

NULL = r"\N"
MAX_ROW_BYTES, MAX_PAGE_BYTES = 1_048_576, 268_435_456
"""Longest row and largest page that are read; the service writes far smaller ones."""
WHOLE_BYTES = 16_777_216
"""Largest page that is read at once."""
PART_ROWS, PAUSE_SECONDS = 400, 0.0002
"""Rows between two pauses, and their length. Requests on the same core do not wait for more rows at a time, which take
a millisecond to check, and as long to store."""
_DIGITS = 8
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


Part = TypeVar("Part")


class Row(NamedTuple):
    """One line of a page."""

    line: int
    """Its number, from 1."""
    text: str
    """The values, separated by tabs; empty if the row is damaged."""
    fault: str = ""
    """Why the row cannot be used; empty if it is intact."""


def encode(rows: Iterable[str]) -> bytes:
    """Return the content of a page; 1 µs a row."""
    encoded = [row.encode(errors="backslashreplace") for row in rows]
    return b"".join([b"%08x\t%b\n" % (crc32(row), row) for row in encoded])


def read_intact(page: Path) -> list[str] | None:
    """Return all rows of a page if each has its checksum, 1 µs a row; None if it is large, or `read` finds a fault.

    Raises:
        ValueError, OSError: as `read`.
    """
    if _size_bytes(page) > WHOLE_BYTES:
        return None
    try:
        content = page.read_bytes()
        rows = content.decode().split("\n")
    except (OSError, UnicodeDecodeError):  # a part of it may be readable
        return None
    lines, begin = content.split(b"\n"), _DIGITS + 1
    if lines.pop() or rows.pop() or len(max(lines, key=len, default=b"")) >= MAX_ROW_BYTES:
        return None
    for part in parts(lines):
        if not all(line[:begin] == b"%08x\t" % crc32(line[begin:]) for line in part):
            return None
    return [row[begin:] for row in rows]


def parts(rows: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """Yield 400 rows at a time, with a pause after them."""
    for at in range(0, len(rows), PART_ROWS):
        yield rows[at : at + PART_ROWS]
        time.sleep(PAUSE_SECONDS)


def read(page: Path, *, checked: bool) -> Iterator[Row]:
    """Read a page row by row; without `checked`, rows may lack a checksum.

    Raises:
        ValueError: it is not a file, or larger than any page.
        OSError: it cannot be opened.
    """
    _size_bytes(page)
    with page.open("rb") as file:
        continued = False
        for number, line in enumerate(_lines(file), 1):
            if isinstance(line, OSError):
                yield Row(number, "", f"the rest of the file cannot be read: {line.strerror or line}")
            elif continued or not line.endswith(b"\n"):
                yield Row(number, "", "the row has no end")
            else:
                yield _decode(number, line[:-1], checked=checked)
            continued = isinstance(line, bytes) and not line.endswith(b"\n")


def _size_bytes(page: Path) -> int:
    found = page.lstat()
    if not stat.S_ISREG(found.st_mode):  # opening a named pipe would wait for a writer
        raise ValueError(f"it is {_KINDS.get(stat.S_IFMT(found.st_mode), 'something')} instead of a file")
    if found.st_size > MAX_PAGE_BYTES:
        raise ValueError(f"it has {found.st_size:,} bytes, and no page has more than {MAX_PAGE_BYTES:,}")
    return found.st_size


def _lines(file: BinaryIO) -> Iterator[bytes | OSError]:
    try:
        yield from iter(partial(file.readline, MAX_ROW_BYTES), b"")
    except OSError as error:  # a damaged disk; the rows before it are good
        yield error


def _decode(number: int, line: bytes, *, checked: bool) -> Row:
    if line[_DIGITS : _DIGITS + 1] == b"\t":  # a row without a checksum begins with an id, which is longer
        row = line[_DIGITS + 1 :]
        if b"%08x" % crc32(row) != line[:_DIGITS]:
            return Row(number, "", "the row does not fit its checksum")
    elif checked:
        return Row(number, "", "the row has no checksum")
    else:
        row = line
    try:
        return Row(number, row.decode())
    except UnicodeDecodeError:
        return Row(number, "", "the row is not UTF-8")
