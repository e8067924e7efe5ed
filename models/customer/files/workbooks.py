"""Reads the first sheet of an Excel workbook in chunks; all cells become text, as in a CSV file."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date
from itertools import islice
from typing import IO, Any
from zipfile import BadZipFile

from models.customer import parsing
from models.customer.errors import TableUnreadable
from models.customer.files import chunk, store_files
from models.customer.files.chunk import Cells, Chunk, Selection
from models.customer.files.stores import Table


def chunks(path: Table, selection: Selection) -> Iterator[Chunk]:
    """Yield an empty chunk that has the columns, and then the chunks of rows; formulas have their stored results.

    Raises:
        TableUnreadable: the package openpyxl is not installed.
        ValueError: the file is no workbook, or its first sheet is empty.
    """
    try:
        import openpyxl  # noqa: PLC0415  # only the jobs have it
    except ImportError as error:
        remedy = "Install requirements/jobs.txt, or save the sheet as a .csv file."
        raise TableUnreadable(path=path, problem="Excel files need the package openpyxl", remedy=remedy) from error
    with store_files.opened(path) as file, closing(_book(openpyxl, file)) as book:
        sheet = book.worksheets[0]
        rows = (cells for cells in map(_texts, sheet.iter_rows(values_only=True)) if any(cells))
        header = [name or "" for name in next(rows, ())]
        if not header:
            raise ValueError("its first sheet is empty")
        while not header[-1]:
            header.pop()
        fitted = (_fitted(cells, len(header)) for cells in rows)
        done, of_rows = 0, max(sheet.max_row or 1, 1)

        def counted() -> Iterator[Cells]:
            nonlocal done
            for done, cells in enumerate(fitted, 1):  # noqa: B007  # read by the progress
                yield cells

        remarks = _remarks([one.title for one in book.worksheets])
        yield from chunk.of_text(path, header, counted(), selection, lambda: min(done / of_rows, 1), remarks)


def _book(openpyxl: Any, file: IO[bytes]) -> Any:
    try:
        return openpyxl.load_workbook(file, read_only=True, data_only=True)
    except (BadZipFile, KeyError) as error:
        raise ValueError("it is not an Excel workbook") from error


def _remarks(sheets: Sequence[str]) -> list[str]:
    first, *others = sheets
    if not others:
        return []
    named = ", ".join(map(repr, others[:3])) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    return [f"only the first sheet, {first!r}, is read, and not {named}"]


def _texts(cells: Sequence[object]) -> Cells:
    return [cell.isoformat() if isinstance(cell, date) else parsing.whole(cell) for cell in cells]


def _fitted(cells: Cells, width: int) -> Cells:
    """Cut or fill a row to the width of the header; a value behind the header makes it a misfit."""
    filled = [*cells, *[None] * (width - len(cells))]
    return filled if any(islice(filled, width, None)) else filled[:width]
