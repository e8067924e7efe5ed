"""Errors of a table in parts; those of a cluster are in `training.partitioned.cluster.errors`.

TrainingError
└── SettingsError
    └── EdgesUnsupported      a fit in parts cannot do what another setting asks for
"""

from training.errors import SettingsError


class EdgesUnsupported(SettingsError):
    """A fit in parts cannot do what another setting asks for."""

    def __init__(self, *, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"A table cannot be fitted in parts: {problem}. Omit --edges and --cluster, or omit the other option."
        )
