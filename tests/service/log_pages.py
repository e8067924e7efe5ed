"""Reads the pages of a spool as the shipper does."""

from pathlib import Path

from service.log import page_format, spool
from service.log.spool import Spool


def rows_in(page: Path) -> list[tuple[str, ...]]:
    """Return the values of the rows of a page, all of which must be intact."""
    rows = list(page_format.read(page, checked=spool.parse(page).rows is not None))
    assert [row.fault for row in rows if row.fault] == []
    return [tuple(row.text.split("\t")) for row in rows]


def logged(folder: Path, table: str = "predictions") -> list[tuple[str, ...]]:
    """Return the rows for a table in the spool of a service with this output folder."""
    pages = Spool(folder / "spool").pages()
    return [row for page in pages if spool.parse(page).table == table for row in rows_in(page)]
