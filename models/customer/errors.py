"""Errors of reading a file of customers.

TableError
├── TableUnreadable    the file cannot be read in the format of its suffix
│   ├── TableMissing   the file does not exist
│   ├── TableLocked    this process may not read the file
│   └── StoreUnusable  the object store refuses, or cannot be reached
└── ColumnRepeated     two columns have the same name
"""

from collections.abc import Sequence

from models.errors import ModelsError


class TableError(ModelsError):
    """Base of all errors of reading a file of customers."""


class TableUnreadable(TableError):
    """The file cannot be read in the format of its suffix."""

    def __init__(self, *, path: object, problem: str, remedy: str) -> None:
        self.path, self.problem, self.remedy = path, problem, remedy
        super().__init__(f"{path}: {problem}. {remedy}")


class TableMissing(TableUnreadable):
    """The file does not exist."""

    def __init__(self, *, path: object) -> None:
        super().__init__(path=path, problem="no such file", remedy="Check the path.")


class TableLocked(TableUnreadable):
    """This process may not read the file."""

    def __init__(self, *, path: object) -> None:
        super().__init__(path=path, problem="permission denied", remedy="Make it readable for this process.")


class StoreUnusable(TableUnreadable):
    """The object store refuses, or cannot be reached."""

    def __init__(self, *, path: object, problem: str, remedy: str, is_general: bool = False) -> None:
        self.is_general = is_general
        """Whether each file of the store would fail likewise."""
        super().__init__(path=path, problem=problem, remedy=remedy)


class ColumnRepeated(TableError):
    """Two columns of a table have the same name."""

    def __init__(self, *, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        super().__init__(f"the table has column {', '.join(columns)} twice. Keep one column of each name.")
