"""Errors of recalibration. After each of them, nothing was published.

TrainingError
└── RecalibrationError
    ├── TooFewOutcomes   a part has too few outcomes
    └── OtherContract    the champion was trained on another contract
"""

from training.errors import TrainingError


class RecalibrationError(TrainingError):
    """Base of all errors of recalibration; nothing was published."""


class TooFewOutcomes(RecalibrationError):
    """A part has too few outcomes."""

    def __init__(self, *, part: str, problem: str) -> None:
        self.part, self.problem = part, problem
        super().__init__(
            f"the half of the outcomes that {part}: {problem}. Rows that the champion was trained on do not count. "
            "Wait for outcomes, read a longer period with --since, or name another source with --data."
        )


class OtherContract(RecalibrationError):
    """The champion was trained on another contract."""

    def __init__(self, *, version: str) -> None:
        self.version = version
        super().__init__(
            f"the contract has changed since the training of {version}, so its map cannot be learned anew. "
            "Fit a model: `python -m training fit`."
        )
