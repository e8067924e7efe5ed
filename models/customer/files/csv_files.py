"""Reads CSV and TSV files in chunks; all cells are text.

A guessed type would depend on the other cells of a chunk.
"""

import csv
from collections.abc import Iterator, Sequence

from models.customer.errors import TableUnreadable
from models.customer.files import chunk, opening
from models.customer.files.chunk import Chunk, Selection
from models.customer.files.stores import Table

_OTHERS = (";", "\t", "|", ",")


def chunks(path: Table, selection: Selection) -> Iterator[Chunk]:
    """Yield an empty chunk that has the columns, and then the chunks of rows.

    Raises:
        TableUnreadable: the header looks as if another delimiter separated its cells.
        ValueError: the file is empty, or is no CSV.
    """
    # pandas silently drops a surplus cell of a chunk's first row; pyarrow silently drops rows after a broken quote.
    delimiter = selection.style.delimiter or ("\t" if ".tsv" in path.name.lower() else ",")
    with opening.text(path, selection.style) as (text, progress):
        lines = csv.reader(text, strict=True, delimiter=delimiter, quotechar=selection.style.quote)
        filled = (cells for cells in lines if cells)  # a blank line is not a row
        try:
            header = next(filled, None)
            if header is None:
                raise ValueError("it is empty")
            _require_delimiter(path, header)
            yield from chunk.of_text(path, header, filled, selection, progress)
        except csv.Error as error:
            raise ValueError(f"line {lines.line_num}: {error}") from error


def _require_delimiter(path: Table, header: Sequence[str]) -> None:
    found = next((sign for sign in _OTHERS if sign in header[0]), None) if len(header) == 1 else None
    if found:
        shown, written = ("tabs", r"\t") if found == "\t" else (found, found)
        raise TableUnreadable(
            path=path,
            problem=f"its cells look separated by {shown}",
            remedy=f'Add delimiter = "{written}" under [csv] in the columns file (--columns FILE.toml).',
        )
