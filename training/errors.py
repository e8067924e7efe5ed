"""Everything training raises. Each error keeps its facts as attributes and ends its sentence with the remedy.

TrainingError
├── DataError                 the rows cannot be used
│   ├── SourceUnreadable      no such file, no such table, or not what its name says
│   ├── TableUnreadable       the same, of a file only
│   ├── MappingInvalid        the columns file is not one
│   ├── ColumnMissing         a column that the mapping names is not in the source
│   ├── ColumnRepeated        two columns of the source have one name
│   ├── TargetAmongFeatures   a feature would be made of the target, or of a column that must never be one
│   ├── TargetUnclear         the target holds more than two values, or only one class
│   ├── TooManyRejected       more rows break the contract than a source may have
│   └── TooFewRows            not enough rows to split and judge
├── ScoringError              a file cannot be scored
│   ├── OutputRefused         the results cannot be written where they should be
│   ├── ColumnsTaken          the file has columns that the results would add
│   └── NothingScored         no row holds to the contract
└── TrackingFailed            MLflow did not take the run
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from training.addresses import shown


class TrainingError(Exception):
    """Base of all errors of this package."""


class DataError(TrainingError):
    """Base of all reasons why rows cannot be used."""


class SourceUnreadable(DataError):
    """The source is missing or is not what its name says."""

    def __init__(self, *, source: str, problem: str) -> None:
        self.source, self.problem = shown(source), shown(problem)
        super().__init__(
            f"{self.source}: {self.problem}. "
            "--data takes `synthetic`, a .csv or .parquet file, or a database URL with --query."
        )


class TableUnreadable(DataError):
    """A file is missing or is not what its suffix says."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Name a .csv file (UTF-8, commas, a header) or a .parquet file.")


class MappingInvalid(DataError):
    """A columns file does not hold a mapping."""

    def __init__(self, *, path: str, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. training/columns/telco.toml is an example of a columns file.")


class ColumnMissing(DataError):
    """The source lacks columns that the mapping names."""

    def __init__(self, *, missing: Sequence[str], present: Sequence[str]) -> None:
        self.missing, self.present = tuple(missing), tuple(present)
        super().__init__(
            f"the source has no column {', '.join(missing)}; it has {', '.join(present)}. "
            "Map foreign names with --columns FILE.toml."
        )


class ColumnRepeated(DataError):
    """Two columns of the source have one name."""

    def __init__(self, *, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        super().__init__(f"the source has column {', '.join(columns)} twice. Select each once.")


class TargetAmongFeatures(DataError):
    """A feature would be made of a column that must never be one."""

    def __init__(self, *, feature: str, column: str) -> None:
        self.feature, self.column = feature, column
        super().__init__(
            f"feature {feature} would be made of {column}, which is the target or listed under `never_features`. "
            "Name another column in the columns file."
        )


class TargetUnclear(DataError):
    """The target does not hold two classes."""

    def __init__(self, *, column: str, values: Sequence[object], positive: object) -> None:
        self.column, self.values, self.positive = column, tuple(values), positive
        shown = ", ".join(repr(value) for value in values[:5])
        super().__init__(
            f"target {column} holds {shown}; exactly two values are needed, of which {positive!r} means churn. "
            "Set `column` and `positive` under [target] in the columns file."
        )


class TooManyRejected(DataError):
    """More rows break the contract than a source may have."""

    def __init__(self, *, rejected: int, rows: int, limit: float, reasons: Mapping[str, int]) -> None:
        self.rejected, self.rows, self.limit, self.reasons = rejected, rows, limit, dict(reasons)
        listed = "; ".join(f"{reason}: {count}" for reason, count in reasons.items())
        super().__init__(
            f"{rejected} of {rows} rows break the contract, more than {limit:.0%} ({listed}). "
            "Repair the source, the columns file, or the bounds in models/features.py."
        )


class TooFewRows(DataError):
    """There are not enough rows to split and judge."""

    def __init__(self, *, rows: int, positives: int, needed: int, needed_per_class: int) -> None:
        self.rows, self.positives, self.needed, self.needed_per_class = rows, positives, needed, needed_per_class
        super().__init__(
            f"{rows} rows with {positives} churned; at least {needed} rows and {needed_per_class} of either class "
            "are needed to hold out a test set and judge it. Bring more rows."
        )


class ScoringError(TrainingError):
    """Base of all other reasons why a file cannot be scored."""


class OutputRefused(ScoringError):
    """The results cannot be written where they should be."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Name another file, in a folder that this process may write to.")


class ColumnsTaken(ScoringError):
    """The file has columns that the results would add."""

    def __init__(self, *, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        super().__init__(f"the source already has {', '.join(columns)}. Rename or remove them, and score it again.")


class NothingScored(ScoringError):
    """No row of a file holds to the contract."""

    def __init__(self, *, path: Path, rows: int, reasons: Mapping[str, int]) -> None:
        self.path, self.rows, self.reasons = path, rows, dict(reasons)
        listed = "; ".join(f"{reason}: {count}" for reason, count in reasons.items())
        problem = f"none of its {rows} rows holds to the contract ({listed})" if rows else "it has no rows"
        super().__init__(f"{path}: {problem}. Repair the file, or map its columns with --columns FILE.toml.")


class TrackingFailed(TrainingError):
    """MLflow did not take the run."""

    def __init__(self, *, uri: str, problem: str) -> None:
        self.uri, self.problem = shown(uri), shown(problem)
        super().__init__(
            f"MLflow at {self.uri}: {self.problem}. Nothing was pinned; start the server or set MLFLOW_TRACKING_URI."
        )
