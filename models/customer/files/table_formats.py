"""Recognizes folders of Delta, Iceberg and Hudi tables, and refuses them: some of their files hold deleted rows."""

from collections.abc import Iterator, Sequence

from models.customer.errors import StoreUnusable, TableUnreadable
from models.customer.files import store_files
from models.customer.files.store_files import Found
from models.customer.files.stores import Table

_LOGS = {"_delta_log": "Delta", ".hoodie": "Hudi"}
"""Folder with the log of such a table, in the folder of the table."""


def require_plain(folder: Table, files: Sequence[Found]) -> None:
    """Check that the files of a folder are a table by themselves.

    Raises:
        TableUnreadable: a log among them, or in a folder above, says which of them count.
    """
    if kind := next((kind for file in files if (kind := _kind(file))), None) or next(_above(folder), None):
        problem = f"it belongs to {kind}, and some of its files may hold rows that were deleted or replaced"
        remedy = (
            "Score the table in Spark, as docs/score.md shows, or let Spark write its current rows to a folder of "
            "their own: spark.table(NAME).write.parquet(FOLDER)."
        )
        raise TableUnreadable(path=folder, problem=problem, remedy=remedy)


def _kind(file: Found) -> str | None:
    for name, kind in _LOGS.items():
        if name in file.parts[:-1]:
            return f"a {kind} table"
    is_iceberg = file.parts[-2:-1] == ("metadata",) and file.parts[-1].endswith(".metadata.json")
    return "an Iceberg table" if is_iceberg else None


def _above(folder: Table) -> Iterator[str]:
    below, above = None, folder.resolve()
    while above != below:
        for name, kind in _LOGS.items():
            if _is_seen(above / name):
                yield f"a {kind} table"
        below, above = above, above.parent
    beside = folder.resolve().parent / "metadata"
    if _is_seen(beside) and any(file.parts[-1].endswith(".metadata.json") for file in store_files.walk(beside)):
        yield "an Iceberg table"


def _is_seen(folder: Table) -> bool:
    """Tell whether a folder is there; one that an account may not look at is taken for none: it reads those below."""
    try:
        return folder.is_dir()
    except StoreUnusable as error:
        if error.is_general:
            raise
        return False
