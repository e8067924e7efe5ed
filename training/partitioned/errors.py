"""Errors of a table in parts; those of a cluster are in `training.partitioned.cluster.errors`.

TrainingError
├── DataError
│   ├── HashSplitImpossible       the rows of a table in parts cannot be split by their hash
│   ├── PartitionColumnUnusable   a database cannot be read by ranges of a column
│   └── SourceChanged             the rows changed between the two passes
└── SettingsError
    └── EdgesUnsupported          a fit in parts cannot do what another setting asks for
"""

from collections.abc import Sequence

from training.errors import DataError, SettingsError

_ASKING = "--edges, --cluster and --partition-column"


class HashSplitImpossible(DataError):
    """The rows of a table in parts cannot be split by their hash."""

    def __init__(self, *, part: str, churned: int, stayed: int, needed_per_class: int, asked: Sequence[str]) -> None:
        """Take the options that asked for parts; without one, the table has too many rows to be fitted as a whole."""
        self.part, self.churned, self.stayed, self.asked = part, churned, stayed, tuple(asked)
        otherwise = f"omit {' and '.join(asked)}" if asked else "name a --group-column with more different values"
        super().__init__(
            f"{part} has {churned:,} rows of customers who churned and {stayed:,} of those who stayed; at least "
            f"{needed_per_class} of each are needed, and equal rows stay together. Bring more rows, or {otherwise}."
        )


class PartitionColumnUnusable(DataError):
    """A database cannot be read by ranges of a column."""

    def __init__(self, *, column: str, problem: str) -> None:
        self.column, self.problem = column, problem
        super().__init__(
            f"--partition-column {column}: {problem}. Name a numeric column that has a value in each row, or leave out "
            "the other rows with --query."
        )


class SourceChanged(DataError):
    """The rows changed between the two passes."""

    def __init__(self, *, source: str, remedy: str) -> None:
        self.source = source
        super().__init__(f"{source}: its rows changed while they were read. {remedy}")


class EdgesUnsupported(SettingsError):
    """A fit in parts cannot do what another setting asks for."""

    def __init__(self, *, problem: str) -> None:
        self.problem = problem
        super().__init__(f"A table cannot be fitted in parts: {problem}. Omit {_ASKING}, or change the other option.")
