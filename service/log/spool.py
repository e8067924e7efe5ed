"""The spool: a folder of pages, which hold rows until the database has stored them.

A page is a file of rows of one table, written atomically (`service.log.page_format`). It outlives the process that
wrote it. Its rows have ids, so reading a page twice adds no rows. A page that cannot be stored is set aside: it ends
with `.rejected`, and the file beside it, which ends with `.reason`, says why.
"""

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NamedTuple

from service import random_ids
from service.log import page_format

_PAGE, _PART, _REJECTED, _REASON = ".page", ".part", ".rejected", ".reason"
_PROBLEM, _PROBLEM_BYTES = "problem.txt", 1_000
NO_SHIPPER = "no shipper brings them there"
"""Begin of the explanation while there is no process that ships pages."""
_NAME = re.compile(r"(?P<since>\d{1,15})-(?P<page>\d+-[0-9a-f]{8})(-(?P<rows>\d{1,9}))?\.(?P<table>\w+)", re.ASCII)
_LONGEST_BYTES = 100
"""Longest part of a rejected page's name; two of them and what is added fit into the 255 bytes of a file's name."""
_STALE_SECONDS = 60
_BLOCK_BYTES = 512
_NUMBERS = count()  # pages of the same millisecond keep their order


@dataclass(frozen=True)
class Backlog:
    """The rows that are not in the database yet."""

    size_bytes: int = 0
    """Size on disk, including the pages that were set aside."""
    since: int = 0
    """Time of the oldest row, in milliseconds since 1970; 0 if there is none."""
    newest: int = 0
    """Time of the oldest row of the newest page."""
    rejected_pages: int = 0
    """Pages that were set aside, because they are damaged or the database rejects them."""


class PageName(NamedTuple):
    """What the name of a page says."""

    table: str
    """The table of its rows; empty if the name is not that of a page."""
    since: int = 0
    """Time of its oldest row, in milliseconds since 1970; 0 if the name does not say it."""
    rows: int | None = None
    """How many rows were written, each with a checksum; None for a page of an earlier version or of a person."""


class Spool:
    """One folder; any number of processes may write to it and ship from it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = folder.name

    def write(self, table: str, lines: Sequence[str], *, since: int) -> int:
        """Add a page and return its size in bytes; `since` is the time of its oldest row, in milliseconds since 1970.

        Raises:
            OSError: the page cannot be written; no part of it is left.
        """
        content = page_format.encode(lines)
        unique = f"{next(_NUMBERS):09d}-{random_ids.draw()[:8]}"
        self._put(self._folder / f"{since:015d}-{unique}-{len(lines)}.{table}{_PAGE}", content)
        return len(content)

    def pages(self) -> list[Path]:
        """List the pages, the oldest first."""
        return [Path(entry.path) for entry in sorted(self._entries(_PAGE), key=lambda entry: entry.name)]

    def waiting(self) -> Backlog:
        """Return the size and age of the pages in the folder.

        Raises:
            OSError: the folder cannot be read.
        """
        pages, rejected = list(self._entries(_PAGE)), list(self._entries(_REJECTED))
        times = [since for page in pages if (since := _parse(page.name).since)]
        return Backlog(
            sum(map(_size_on_disk, [*pages, *rejected])), min(times, default=0), max(times, default=0), len(rejected)
        )

    def remove(self, page: Path) -> None:
        """Remove a page whose rows are stored."""
        page.unlink(missing_ok=True)
        if parse(page).rows is None:  # it was put back after a repair
            with suppress(OSError):  # the name may be too long for a reason, which does not exist then
                page.with_suffix(_REASON).unlink(missing_ok=True)

    def reject(self, page: Path, reason: str) -> Path:
        """Set a page aside and return its new path. Its name does not say how many rows it has, so it may be repaired.

        Raises:
            OSError: the page cannot be renamed.
        """
        rejected = self._find_place(page)
        with suppress(OSError):  # the disk may be full, and renaming needs no space
            self._put(rejected.with_suffix(_REASON), f"{reason}\n".encode(errors="backslashreplace"))
        page.rename(rejected)
        return rejected

    def remove_stale(self) -> None:
        """Remove unfinished pages of processes that were killed.

        Raises:
            OSError: the folder cannot be read.
        """
        limit = time.time() - _STALE_SECONDS
        for entry in self._entries(_PART):
            with suppress(OSError):  # what cannot be removed takes only space
                if entry.stat(follow_symlinks=False).st_mtime < limit:
                    Path(entry.path).unlink(missing_ok=True)

    def explain(self, problem: str) -> None:
        """Write down why pages wait; empty if they do not."""
        self._put(self._folder / _PROBLEM, problem.encode(errors="backslashreplace"))

    def explanation(self) -> str:
        """Return the last written reason why pages wait."""
        path = self._folder / _PROBLEM
        try:
            if not path.is_file():
                return ""
            with path.open("rb") as file:
                return file.read(_PROBLEM_BYTES).decode(errors="replace")
        except OSError:
            return ""

    def _put(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(f"{path.stem}-{random_ids.draw()[:8]}{_PART}")
        try:
            part.write_bytes(content)
            part.replace(path)
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise

    def _find_place(self, page: Path) -> Path:
        """Return a free name for a page that is set aside; a copy that was repaired in part replaces nothing."""
        found = _NAME.fullmatch(page.stem)
        stem, table = _split(f"{found['since']}-{found['page']}.{found['table']}" if found else page.stem)
        place = page.with_name(f"{stem}.{table}{_REJECTED}")
        while os.path.lexists(place):
            place = page.with_name(f"{stem.rpartition('-')[0] or stem}-{random_ids.draw()[:8]}.{table}{_REJECTED}")
        return place

    def _entries(self, ending: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(self._folder) as entries:
                yield from [entry for entry in entries if entry.name.endswith(ending)]
        except FileNotFoundError:
            return


def parse(page: Path) -> PageName:
    """Return what the name of a page says; a person may give a page a name such as `repaired.predictions.page`."""
    return _parse(page.name)


def _parse(name: str) -> PageName:
    stem = name.removesuffix(_PAGE)
    if found := _NAME.fullmatch(stem):
        return PageName(found["table"], int(found["since"]), int(found["rows"]) if found["rows"] else None)
    return PageName(stem.rpartition(".")[2])


def _split(stem: str) -> tuple[str, str]:
    name, _, table = stem.rpartition(".")
    return _cut(name) or "page", _cut(table)


def _cut(text: str) -> str:
    return os.fsdecode(os.fsencode(text)[:_LONGEST_BYTES])


def _size_on_disk(page: os.DirEntry[str]) -> int:
    try:
        found = page.stat(follow_symlinks=False)
    except OSError:  # shipped just now
        return 0
    return max(found.st_size, found.st_blocks * _BLOCK_BYTES)
