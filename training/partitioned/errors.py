"""Errors of a table in parts; those of a cluster are in `training.partitioned.cluster.errors`.

TrainingError
├── DataError
│   └── HashSplitImpossible   the rows of a table in parts cannot be split by their hash
└── SettingsError
    └── EdgesUnsupported      a fit in parts cannot do what another setting asks for
"""

from training.errors import DataError, SettingsError


class HashSplitImpossible(DataError):
    """The rows of a table in parts cannot be split by their hash."""

    def __init__(self, *, part: str, churned: int, stayed: int, needed_per_class: int) -> None:
        self.part, self.churned, self.stayed = part, churned, stayed
        super().__init__(
            f"{part} has {churned:,} rows of customers who churned and {stayed:,} of those who stayed; at least "
            f"{needed_per_class} of each are needed, and equal rows stay together. Bring more rows, or omit --edges."
        )


class EdgesUnsupported(SettingsError):
    """A fit in parts cannot do what another setting asks for."""

    def __init__(self, *, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"A table cannot be fitted in parts: {problem}. Omit --edges and --cluster, or omit the other option."
        )
