"""Errors of training. Each error keeps its facts, and its message ends with the remedy.

Errors of live rows are in `training.data.live_errors`, those of promotion in `training.promotion.errors`, those of
scoring in `training.scoring.errors`, those of a replay in `training.replay.errors`, those of drafting a contract in
`training.contracts.errors`, those of the columns file in `models.columns.errors`, those of a table in parts in
`training.partitioned.errors`, and those of a cluster in `training.partitioned.cluster.errors`.

TrainingError
├── DataError                 the rows cannot be used
│   ├── SourceUnreadable      the file, database or table is missing or unreadable, or the query fails
│   ├── LeakFound             a feature alone predicts the outcome
│   ├── SplitImpossible       the rows cannot be split by time
│   ├── HashSplitImpossible   the rows cannot be split by their hash
│   ├── GroupingImpossible    the rows of one customer cannot be kept together
│   ├── SliceTooFine          a column has too many values to group customers by
│   ├── TooManyLevels         an open category has too many levels
│   ├── TooManyRejected       too many rows break the contract
│   └── TooFewRows            there are too few rows to split and evaluate
├── SettingsError             a setting is invalid
│   ├── CostsInvalid          the costs file is invalid
│   └── ConstraintInvalid     a constraint is not on a number of the contract
├── SliceBelowFloor           the ROC-AUC of a group of customers is below the floor
├── LibraryUnusable           a library is installed, and cannot be loaded
├── StudyUnusable             the trials of a parameter search cannot be stored
└── TrackingFailed            MLflow did not accept the run
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from models import plain_text
from models.addresses import redact_passwords
from models.customer import offending
from models.customer.offending import OffendingValues


def cause(error: BaseException) -> str:
    """Return the first line of the original error in a chain of wrapped errors."""
    while below := error.__cause__ or error.__context__:
        error = below
    return plain_text.first_line(error)


class TrainingError(Exception):
    """Base of all errors of this package."""


class LibraryUnusable(TrainingError):
    """A library is installed, and cannot be loaded."""

    def __init__(self, *, library: str, problem: str, remedy: str) -> None:
        self.library, self.problem = library, problem
        super().__init__(f"{library} cannot be loaded: {problem}. {remedy}")


class DataError(TrainingError):
    """Base of all errors about rows that cannot be used."""


class SourceUnreadable(DataError):
    """The source is missing or cannot be read."""

    def __init__(self, *, source: str, problem: str, remedy: str | None = None) -> None:
        self.source, self.problem = redact_passwords(source), redact_passwords(problem)
        usual = (
            "--data takes `synthetic`, `live`, a .csv, .tsv, .jsonl, .xlsx or .parquet file, a folder of "
            ".parquet files (also in an object store, as s3://BUCKET/FOLDER), or a database URL with --query."
        )
        super().__init__(f"{self.source}: {self.problem}. {remedy or usual}")


class TooManyRejected(DataError):
    """Too many rows break the contract."""

    def __init__(
        self,
        *,
        rejected: int,
        rows: int,
        limit: float,
        reasons: Mapping[str, int],
        values: OffendingValues,
        otherwise: str = "",
    ) -> None:
        self.rejected, self.rows, self.limit, self.reasons = rejected, rows, limit, dict(reasons)
        super().__init__(
            f"{rejected} of {rows} rows break the contract, more than the limit of {limit:.0%} "
            f"({offending.describe(reasons, values)}). {values.remedy()}"
            f"Correct the source, the columns file, or the bounds in models/features.py{otherwise}."
        )


class TooFewRows(DataError):
    """There are too few rows to split and evaluate."""

    def __init__(self, *, rows: int, positives: int, needed: int, needed_per_class: int) -> None:
        self.rows, self.positives, self.needed, self.needed_per_class = rows, positives, needed, needed_per_class
        super().__init__(
            f"{rows} rows with {positives} churned; at least {needed} rows and {needed_per_class} of each class "
            "are needed to hold out a test set and evaluate a model on it. Bring more rows."
        )


class LeakFound(DataError):
    """A feature alone predicts the outcome."""

    def __init__(self, *, signs: Sequence[str]) -> None:
        self.signs = tuple(signs)
        super().__init__(
            f"{'; '.join(signs)}. Remove it from models/features.py, or set --on-leak warn if it is known before the "
            "outcome."
        )


class SplitImpossible(DataError):
    """The rows cannot be split by time."""

    def __init__(self, *, column: str, problem: str) -> None:
        self.column, self.problem = column, problem
        super().__init__(
            f"--time-column {column}: {problem}. Name a column of times, declare their format with "
            "--time-format, or omit --time-column."
        )


class HashSplitImpossible(DataError):
    """The rows cannot be split by their hash."""

    def __init__(self, *, part: str, churned: int, stayed: int, needed_per_class: int, remedy: str) -> None:
        self.part, self.churned, self.stayed = part, churned, stayed
        super().__init__(
            f"{part} has {churned:,} rows of customers who churned and {stayed:,} of those who stayed; at least "
            f"{needed_per_class} of each are needed, and equal rows stay together. {remedy}"
        )


class GroupingImpossible(DataError):
    """The rows of one customer cannot be kept together."""

    def __init__(self, *, column: str | None, problem: str) -> None:
        self.column, self.problem = column, problem
        super().__init__(
            f"--group-column {column}: {problem}. Name a column with the id of the customer in each row, bring more "
            "rows, or omit --group-column."
        )


class SliceTooFine(DataError):
    """A column has too many values to group customers by."""

    def __init__(self, *, column: str, categories: int, limit: int) -> None:
        self.column, self.categories, self.limit = column, categories, limit
        super().__init__(
            f"--slices {column}: it has {categories:,} different texts, more than {limit}. Name a column with fewer."
        )


class TooManyLevels(DataError):
    """An open category has too many levels."""

    def __init__(self, *, feature: str, levels: int, rows: int) -> None:
        self.feature, self.levels, self.rows = feature, levels, rows
        super().__init__(
            f"{feature} has {levels:,} levels in {rows:,} training rows, too many for a manifest: it may be an id or a "
            "free text. Remove it from models/features.py, or group its levels in the source."
        )


class SettingsError(TrainingError):
    """Base of all errors about settings."""


class CostsInvalid(SettingsError):
    """The costs file is invalid."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. See training/costs.toml for an example of a costs file.")


class ConstraintInvalid(SettingsError):
    """A constraint is not on a number of the contract."""

    def __init__(self, *, feature: str, numbers: Sequence[str]) -> None:
        self.feature, self.numbers = feature, tuple(numbers)
        super().__init__(f"--monotone {feature}: it is not a number of the contract. Name one of {', '.join(numbers)}.")


class SliceBelowFloor(TrainingError):
    """The ROC-AUC of a group of customers is below the floor."""

    def __init__(self, *, below: Mapping[str, float], floor: float) -> None:
        self.below, self.floor = dict(below), floor
        listed = ", ".join(f"{name} {roc_auc:.3f}" for name, roc_auc in below.items())
        super().__init__(
            f"ROC-AUC below {floor:g} for {listed}; nothing was published. "
            "Bring more rows of these customers, or lower --min-slice-roc-auc."
        )


class StudyUnusable(TrainingError):
    """The trials of a parameter search cannot be stored."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(
            f"{path}: {problem}. The trials of a parameter search are stored there; move that file away, "
            "or set --output-dir to a folder that this process may write to."
        )


class TrackingFailed(TrainingError):
    """MLflow did not accept the run."""

    def __init__(self, *, uri: str, problem: str, remedy: str | None = None) -> None:
        self.uri, self.problem = redact_passwords(uri), redact_passwords(problem).rstrip(".")
        usual = "Correct it there, or set MLFLOW_TRACKING_URI to another server or database."
        super().__init__(f"MLflow at {self.uri}: {self.problem}. Nothing was pinned. {remedy or usual}")
