"""Lists, reads and writes files, on disk and in object stores alike."""

import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from models.customer.errors import TableLocked
from models.customer.files import store_errors
from models.customer.files.stores import Table

logger = logging.getLogger(__name__)

SCRATCH = ".scoring-"
"""Beginning of the names of folders for unfinished files."""
_READ_BYTES = 4 << 20
"""A store answers a request in tens of milliseconds, so text is read in large pieces."""


def size(path: Table) -> int:
    """Return the size of a file, in bytes.

    Raises:
        StoreUnusable: the store refuses.
    """
    if isinstance(path, Path):
        return path.stat().st_size
    with store_errors.translated(path):
        return int(path.system.get_file_info(path.inside).size)


def opened(path: Table) -> IO[bytes]:
    """Open a file to read; the result can seek."""
    if isinstance(path, Path):
        return path.open("rb")
    raw: Any = path.system.open_input_file(path.inside)
    return io.BufferedReader(raw, _READ_BYTES)


@contextmanager
def for_arrow(path: Table) -> Iterator[Any]:
    """Yield what pyarrow reads a file from: its path, or the open file of a store."""
    if isinstance(path, Path):
        yield path
    else:
        with path.system.open_input_file(path.inside) as file:
            yield file


@dataclass(frozen=True)
class Found:
    """A file in a folder."""

    path: Table
    parts: tuple[str, ...]
    """Its path in the folder."""
    bytes: int
    modified_ns: int
    changed_ns: int = 0
    """When a file system last noticed a change, which no program can set back; 0 in a store."""

    @property
    def relative(self) -> str:
        """Its path in the folder, as text."""
        return "/".join(self.parts)

    @property
    def is_hidden(self) -> bool:
        """Whether a program keeps it for itself, as those below `_delta_log` or `.tmp`."""
        return any(name.startswith(".") or (name.startswith("_") and "=" not in name) for name in self.parts)


def walk(folder: Table) -> list[Found]:
    """Return all files of a folder and of those in it, in the order of their paths; a broken link is among them.

    Links to folders are followed.

    Raises:
        TableLocked: this process may not list one of these folders.
        StoreUnusable: the store does not list them.
    """
    if isinstance(folder, Path):
        paths = sorted(path for path in _paths(folder) if path.is_file() or not path.exists())
        found = [(path, path.relative_to(folder).parts, _stat(path)) for path in paths]
        return [Found(path, parts, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for path, parts, stat in found]
    from pyarrow import fs  # noqa: PLC0415  # settings name addresses, and need no pyarrow

    with store_errors.translated(folder):
        infos = folder.system.get_file_info(fs.FileSelector(folder.inside, recursive=True))
    start = len(folder.inside) + 1
    keys = sorted(
        ((info.path[start:].split("/"), info) for info in infos if info.type == fs.FileType.File),
        key=lambda one: one[0],
    )
    return [Found(folder / "/".join(parts), tuple(parts), info.size, info.mtime_ns or 0) for parts, info in keys]


def _paths(folder: Path) -> Iterator[Path]:
    """Yield all that is in a folder but folders; a link to a folder that it is in would be followed for ever."""

    def refuse(error: OSError) -> None:
        path = Path(error.filename)
        if not Found(path, path.relative_to(folder).parts, 0, 0).is_hidden:
            raise TableLocked(path=path) if isinstance(error, PermissionError) else error

    for name, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        parent = Path(name)
        for link in [parent / name for name in folders if (parent / name).is_symlink()]:
            target = link.resolve()
            if any(above.resolve().is_relative_to(target) for above in link.parents):
                folders.remove(link.name)
                logger.warning("%s is left out: it is a link to a folder above it", link)
        yield from (parent / name for name in files)


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError:  # a broken link
        return path.lstat()


@contextmanager
def written(target: Table) -> Iterator[Path]:
    """Yield a local path to write to; at the end it becomes `target`, by a rename or an upload.

    Raises:
        OSError: the file cannot be written.
        StoreUnusable: the store does not accept it.
    """
    folder = target.parent if isinstance(target, Path) else None
    with TemporaryDirectory(dir=folder, prefix=SCRATCH) as scratch:
        path = Path(scratch) / target.name
        yield path
        place(path, target)


def place(path: Path, target: Table) -> None:
    """Make a local file `target`, whole; a file of that name is replaced.

    Raises:
        StoreUnusable: the store does not accept it.
    """
    if isinstance(target, Path):
        path.replace(target)
        return
    from pyarrow import fs  # noqa: PLC0415  # settings name addresses, and need no pyarrow

    with store_errors.translated(target):
        fs.copy_files(
            str(path), target.inside, source_filesystem=fs.LocalFileSystem(), destination_filesystem=target.system
        )


def remove(target: Table) -> None:
    """Remove a file, if it is there.

    Raises:
        StoreUnusable: the store refuses.
    """
    if isinstance(target, Path):
        target.unlink(missing_ok=True)
    elif target.exists():
        with store_errors.translated(target):
            target.system.delete_file(target.inside)
