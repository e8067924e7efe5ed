"""Opens a file of text: plain or gzip, and in the encoding that its byte order mark or the columns file names."""

import codecs
import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import IO

from models.customer.errors import TableUnreadable
from models.customer.files import store_files
from models.customer.files.csv_format import CsvFormat
from models.customer.files.stores import Table

_GZIP = b"\x1f\x8b"
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@contextmanager
def text(path: Table, style: CsvFormat) -> Iterator[tuple[IO[str], Callable[[], float]]]:
    """Open a file; yield its text, and a function that returns the share of the file read so far, 0 to 1.

    Bytes that cannot be decoded become lone surrogates.

    Raises:
        TableUnreadable: the encoding must be declared.
    """
    size = store_files.size(path)
    with store_files.opened(path) as raw:
        is_packed = raw.read(len(_GZIP)) == _GZIP
        raw.seek(0)
        with gzip.GzipFile(fileobj=raw) if is_packed else raw as binary:
            encoding = _encoding(path, binary.read(4), style)
            binary.seek(0)
            with TextIOWrapper(binary, encoding=encoding, errors="surrogateescape", newline="") as file:
                yield file, lambda: raw.tell() / size


def _encoding(path: Table, start: bytes, style: CsvFormat) -> str:
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    if style.encoding is None and b"\0" in start:
        guess = "utf-16-le" if start[1:2] == b"\0" else "utf-16-be"
        remedy = f'Add encoding = "{guess}" under [csv] in the columns file (--columns FILE.toml).'
        raise TableUnreadable(path=path, problem="it looks like UTF-16 without a byte order mark", remedy=remedy)
    return style.encoding or "utf-8"
