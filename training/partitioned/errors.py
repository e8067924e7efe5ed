"""Errors of a table in parts; those of a cluster are in `training.partitioned.cluster.errors`.

TrainingError
├── DataError
│   ├── PartitionColumnUnusable   a database cannot be read by ranges of a column
│   └── SourceChanged             the rows changed between the two passes
└── SettingsError
    └── EdgesUnsupported          a fit in parts cannot do what another setting asks for
"""

from training.errors import DataError, SettingsError

_ASKING = "--edges, --cluster and --partition-column"


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
