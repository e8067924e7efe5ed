"""The spool: a folder of pages, which hold rows until the database has stored them.

A page is a file of tab-separated rows of one table, written atomically. It outlives the process that wrote it. Its rows
have ids, so reading a page twice adds no rows.
"""

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from service import random_ids

NULL = r"\N"
_PAGE, _PART, _REJECTED = ".page", ".part", ".rejected"
_PROBLEM = "problem.txt"
_STALE_SECONDS = 60
_BLOCK_BYTES = 512
_NUMBERS = count()  # pages of the same millisecond keep their order


@dataclass(frozen=True)
class Backlog:
    """The rows that are not in the database yet."""

    size_bytes: int = 0
    """Size on disk, including rejected pages."""
    since: int = 0
    """Time of the oldest row, in milliseconds since 1970; 0 if there is none."""
    rejected_pages: int = 0
    """Pages that the database rejected; they stay in the folder for inspection."""


class Spool:
    """One folder; any number of processes may write to it and ship from it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = folder.name

    def write(self, table: str, lines: Iterable[str], *, since: int) -> int:
        """Add a page and return its size in bytes; `since` is the time of its oldest row, in milliseconds since 1970.

        Raises:
            OSError: the page cannot be written; no part of it is left.
        """
        content = "".join(f"{line}\n" for line in lines).encode()
        page = self._folder / f"{since:015d}-{next(_NUMBERS):09d}-{random_ids.draw()[:8]}.{table}{_PAGE}"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = page.with_suffix(_PART)
        try:
            part.write_bytes(content)
            part.rename(page)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        return len(content)

    def pages(self) -> list[Path]:
        """List the pages, the oldest first."""
        return [Path(entry.path) for entry in sorted(self._entries(_PAGE), key=lambda entry: entry.name)]

    def waiting(self) -> Backlog:
        """Return the size and age of the pages in the folder."""
        pages, rejected = list(self._entries(_PAGE)), list(self._entries(_REJECTED))
        since = min((int(page.name.partition("-")[0]) for page in pages), default=0)
        return Backlog(sum(map(_size_on_disk, [*pages, *rejected])), since, len(rejected))

    def reject(self, page: Path) -> None:
        """Set aside a page that the database rejected."""
        page.rename(page.with_suffix(_REJECTED))

    def remove_stale(self) -> None:
        """Remove unfinished pages of processes that were killed."""
        limit = time.time() - _STALE_SECONDS
        for entry in self._entries(_PART):
            if entry.stat().st_mtime < limit:
                Path(entry.path).unlink(missing_ok=True)

    def explain(self, problem: str) -> None:
        """Write down why pages wait; empty if they do not."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / _PROBLEM).write_text(problem)

    def explanation(self) -> str:
        """Return the last written reason why pages wait."""
        try:
            return (self._folder / _PROBLEM).read_text()
        except OSError:
            return ""

    def _entries(self, ending: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(self._folder) as entries:
                yield from [entry for entry in entries if entry.name.endswith(ending)]
        except FileNotFoundError:
            return


def _size_on_disk(page: os.DirEntry[str]) -> int:
    try:
        found = page.stat()
    except FileNotFoundError:  # shipped just now
        return 0
    return max(found.st_size, found.st_blocks * _BLOCK_BYTES)


def table_of(page: Path) -> str:
    """Return the table that the rows of a page belong to."""
    return page.name.split(".")[1]


def read(page: Path) -> list[tuple[str | None, ...]]:
    """Return the rows of a page as text, None for null."""
    rows = (line.split("\t") for line in page.read_text().split("\n")[:-1])  # splitlines splits at more characters
    return [tuple([None if value == NULL else value for value in row]) for row in rows]
