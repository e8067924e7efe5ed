"""Why nobody can tell who should serve. Whatever it is, the champion stays.

TrainingError
└── SuccessionError
    ├── NoSuchModel      there is no such challenger, or no earlier model
    └── TooFewUntouched  too few rows that neither model learned from
"""

from training.errors import TrainingError


class SuccessionError(TrainingError):
    """Base of all reasons why nobody can tell who should serve; the champion stays."""


class NoSuchModel(SuccessionError):
    """There is no such challenger, or no earlier model."""

    def __init__(self, *, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{problem}. Name a version of models/store/ or of MLflow's registry, or fit a new model.")


class TooFewUntouched(SuccessionError):
    """There are too few rows that neither model learned from."""

    def __init__(self, *, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"of customers that neither model learned from there are {problem}. The champion stays; "
            "fit the challenger on more or newer rows, or lower --min-rows."
        )
