"""Errors of a table in parts; those of a cluster are in `training.partitioned.cluster.errors`.

TrainingError
├── DataError
│   └── HashSplitImpossible   the rows of a table in parts cannot be split by their hash
└── SettingsError
    └── EdgesUnsupported      a fit in parts cannot do what another setting asks for
"""

from collections.abc import Sequence

from training.errors import DataError, SettingsError


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


class EdgesUnsupported(SettingsError):
    """A fit in parts cannot do what another setting asks for."""

    def __init__(self, *, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"A table cannot be fitted in parts: {problem}. Omit --edges and --cluster, or omit the other option."
        )
