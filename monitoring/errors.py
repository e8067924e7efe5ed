"""Every reason why the job cannot tell. Each keeps its facts as attributes and ends its sentence with the remedy.

    CannotTell
    ├── LiveFileUnnamed    no file of live rows was given
    ├── TableMissing       a file is not there
    ├── TableLocked        a file may not be read
    ├── TableUnreadable    a file is not what its name says
    ├── ColumnsMissing     a file lacks columns of the contract
    ├── TooFewRows         there are not enough live rows to see anything
    ├── NothingToJudge     no column can be compared
    └── OutputUnwritable   what was found cannot be kept

Knows nothing of exit codes; `monitoring.verdict` has the one that stands for all of these. An untrustworthy bundle is a
`models.errors.BundleError`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path


class CannotTell(Exception):
    """Base of all reasons of this package."""


class LiveFileUnnamed(CannotTell):
    """No file of live rows was given."""

    def __init__(self) -> None:
        super().__init__("no live rows to look at. Name a CSV, Parquet or JSON-lines file with --live FILE.")


class TableMissing(CannotTell):
    """A file is not there."""

    def __init__(self, *, path: Path) -> None:
        self.path = path
        super().__init__(f"{path}: no such file. Check the path.")


class TableLocked(CannotTell):
    """A file may not be read."""

    def __init__(self, *, path: Path) -> None:
        self.path = path
        super().__init__(f"{path}: permission denied. Make it readable for this process.")


class TableUnreadable(CannotTell):
    """A file is not what its name says."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Give a .csv, .parquet or .jsonl file with one row a customer.")


class ColumnsMissing(CannotTell):
    """A file lacks columns of the contract."""

    def __init__(self, *, path: Path, columns: Sequence[str]) -> None:
        self.path, self.columns = path, columns
        super().__init__(f"{path}: no column {', '.join(columns)}. Name the columns as models/features.py does.")


class TooFewRows(CannotTell):
    """There are not enough live rows to see anything."""

    def __init__(self, *, path: Path, rows: int, min_rows: int) -> None:
        self.path, self.rows, self.min_rows = path, rows, min_rows
        super().__init__(f"{path}: {rows} rows, at least {min_rows} are needed. Wait for more, or lower --min-rows.")


class NothingToJudge(CannotTell):
    """No column can be compared."""

    def __init__(self, *, reasons: Mapping[str, str]) -> None:
        self.reasons = reasons
        listed = "; ".join(f"{column}: {reason}" for column, reason in reasons.items())
        super().__init__(f"no column can be judged: {listed}. Check where the live rows come from.")


class OutputUnwritable(CannotTell):
    """What was found cannot be kept."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Name a folder that this process may write to with --output-dir.")
