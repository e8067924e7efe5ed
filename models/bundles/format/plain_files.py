"""Reads and writes the small files of the models folder: plain files of bounded size, replaced atomically.

Devices, pipes and folders are refused before they are opened for long: reading a pipe would wait without end.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from models.errors import FileUnreadable

MEGABYTE = 1 << 20
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # Windows has neither
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def opened(path: Path, *, largest_bytes: int, follow_links: bool = False) -> Iterator[BufferedReader]:
    """Open a plain file for reading.

    Raises:
        OSError: it does not exist, cannot be read, is too large, or is a link or another kind of file.
    """
    try:
        number = os.open(path, os.O_RDONLY | _NO_WAIT | (0 if follow_links else _NO_LINK))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link; a plain file is needed") from error
        raise
    try:
        found = os.fstat(number)
        if stat.S_ISDIR(found.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a plain file")
        if found.st_size > largest_bytes:
            raise OSError(errno.EFBIG, f"it is larger than {largest_bytes / MEGABYTE:g} MB")
        with open(number, "rb", closefd=False) as file:  # the path must not be looked up again
            yield file
    finally:
        os.close(number)


def read(path: Path, *, largest_bytes: int, follow_links: bool = False) -> bytes:
    """Read a plain file.

    Raises:
        OSError: as for `opened`.
    """
    with opened(path, largest_bytes=largest_bytes, follow_links=follow_links) as file:
        content = file.read(largest_bytes + 1)
    if len(content) > largest_bytes:  # it grows
        raise OSError(errno.EFBIG, f"it is larger than {largest_bytes / MEGABYTE:g} MB")
    return content


def digest(path: Path, *, largest_bytes: int) -> str:
    """Return the SHA-256 of a plain file, 64 hex digits.

    Raises:
        OSError: as for `opened`.
    """
    with opened(path, largest_bytes=largest_bytes) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_folder(path: Path) -> None:
    """Check that a path is a folder, and not a link to one.

    Raises:
        OSError: it is not.
    """
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise OSError(errno.ENOTDIR, "it is not a plain folder")


def replace(path: Path, content: bytes) -> None:
    """Replace a file by a rename, so that it always has its old or its new content; readable for other users.

    The unfinished file has one name, so a killed process leaves one at most, and the next call uses it.

    Raises:
        OSError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with part.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.chmod(0o644)
    part.replace(path)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Convert an `OSError` into an error that names the file.

    Raises:
        FileUnreadable: the file cannot be read.
    """
    try:
        yield
    except OSError as error:
        raise FileUnreadable(path=path, problem=error.strerror or "cannot be read") from error
