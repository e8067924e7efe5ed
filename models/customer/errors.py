"""Why a file of customers cannot be read.

TableError
├── TableUnreadable    the file is not what its suffix says
│   ├── TableMissing   there is no such file
│   └── TableLocked    this process may not read the file
└── ColumnRepeated     two columns have the same name
"""

from collections.abc import Sequence
from pathlib import Path

from models.errors import ModelsError


class TableError(ModelsError):
    """Base of all reasons why a file of customers cannot be read."""


class TableUnreadable(TableError):
    """The file is not what its suffix says."""

    def __init__(self, *, path: Path, problem: str, remedy: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. {remedy}")


class TableMissing(TableUnreadable):
    """There is no such file."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(path=path, problem="no such file", remedy="Check the path.")


class TableLocked(TableUnreadable):
    """This process may not read the file."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(path=path, problem="permission denied", remedy="Make it readable for this process.")


class ColumnRepeated(TableError):
    """Two columns of a table have the same name."""

    def __init__(self, *, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        super().__init__(f"the table has column {', '.join(columns)} twice. Keep one of each name.")
