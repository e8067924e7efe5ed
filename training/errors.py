"""Everything training raises, but for `live_errors`. Errors keep their facts, and end with the remedy.

TrainingError
├── DataError                 the rows cannot be used
│   ├── SourceUnreadable      no such database or table, or the query fails
│   ├── MappingInvalid        the columns file is not one
│   ├── ColumnMissing         a column that the mapping names is not in the source
│   ├── TargetAmongFeatures   a feature would be made of the target, or of a column that must never be one
│   ├── TargetUnclear         the target holds more than two values, or only one class
│   ├── LeakFound             a feature alone tells the outcome
│   ├── SplitImpossible       the rows cannot be split by time
│   ├── SliceTooFine          a column has too many values to judge the model by each
│   ├── TooManyRejected       more rows break the contract than a source may have
│   └── TooFewRows            not enough rows to split and judge
├── SettingsError             what was asked for cannot be
│   ├── CostsInvalid          the costs file is not one
│   └── ConstraintInvalid     a constraint on what is no number
├── SliceBelowFloor           a group of customers is ranked worse than it may be
├── ScoringError              a file cannot be scored
│   ├── OutputRefused         the results cannot be written where they should be
│   ├── ColumnsTaken          the file has columns that the results would add
│   └── NothingScored         no row holds to the contract
├── StudyUnusable             the trials of a search cannot be kept
└── TrackingFailed            MLflow did not take the run
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from models.addresses import shown


def cause(error: BaseException) -> str:
    """Find what lies at the bottom of a stack of wrapped errors, in its first line."""
    while below := error.__cause__ or error.__context__:
        error = below
    return (str(error).strip() or type(error).__name__).splitlines()[0]


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
            "--data takes `synthetic`, `live`, a .csv or .parquet file, or a database URL with --query."
        )


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


class LeakFound(DataError):
    """A feature alone tells the outcome."""

    def __init__(self, *, signs: Sequence[str]) -> None:
        self.signs = tuple(signs)
        super().__init__(
            f"{'; '.join(signs)}. Leave it out of models/features.py, or set --on-leak warn if it is known in time."
        )


class SplitImpossible(DataError):
    """The rows cannot be split by time."""

    def __init__(self, *, column: str, problem: str) -> None:
        self.column, self.problem = column, problem
        super().__init__(f"--time-column {column}: {problem}. Name a column of times, or leave it out.")


class SliceTooFine(DataError):
    """A column has too many values to judge the model by each."""

    def __init__(self, *, column: str, categories: int, limit: int) -> None:
        self.column, self.categories, self.limit = column, categories, limit
        super().__init__(
            f"--slices {column}: it has {categories:,} different texts, more than {limit}. Name a coarser column."
        )


class SettingsError(TrainingError):
    """Base of all settings that cannot be."""


class CostsInvalid(SettingsError):
    """A costs file does not hold costs."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. training/costs.toml is an example of a costs file.")


class ConstraintInvalid(SettingsError):
    """A constraint names what is no number of the contract."""

    def __init__(self, *, feature: str, numbers: Sequence[str]) -> None:
        self.feature, self.numbers = feature, tuple(numbers)
        super().__init__(f"--monotone {feature}: it is no number of the contract. Name one of {', '.join(numbers)}.")


class SliceBelowFloor(TrainingError):
    """A group of customers is ranked worse than it may be."""

    def __init__(self, *, below: Mapping[str, float], floor: float) -> None:
        self.below, self.floor = dict(below), floor
        listed = ", ".join(f"{name} {roc_auc:.3f}" for name, roc_auc in below.items())
        super().__init__(
            f"ROC-AUC below {floor:g} for {listed}; nothing was published. "
            "Bring more rows of these customers, or lower --min-slice-roc-auc."
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


class StudyUnusable(TrainingError):
    """The trials of a search for parameters cannot be kept."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(
            f"{path}: {problem}. The trials of a search are kept there; move that file away, "
            "or name a folder that this process may write to."
        )


class TrackingFailed(TrainingError):
    """MLflow did not take the run."""

    def __init__(self, *, uri: str, problem: str) -> None:
        self.uri, self.problem = shown(uri), shown(problem)
        super().__init__(
            f"MLflow at {self.uri}: {self.problem}. Nothing was pinned; start the server or set MLFLOW_TRACKING_URI."
        )
