"""Errors of drafting a contract.

DraftError
├── TargetUnknown      no column looks like the outcome, or several do
├── TargetOutOfScope   the outcome does not have two values
├── NothingDrafted     no row, or no column that can be a feature
└── DraftRefused       the draft cannot be written to the folder
"""

from collections.abc import Sequence
from pathlib import Path

from training.errors import TrainingError

OUT_OF_SCOPE = "Regression and several classes are out of scope: a target has exactly two values."
_LISTED = 10


class DraftError(TrainingError):
    """Base of all errors of drafting a contract."""


class TargetUnknown(DraftError):
    """No column looks like the outcome, or several do."""

    def __init__(self, *, candidates: Sequence[str]) -> None:
        self.candidates = tuple(candidates)
        listed = ", ".join(f'"{name}"' for name in candidates[:_LISTED])
        more = f" and {len(candidates) - _LISTED} more" if len(candidates) > _LISTED else ""
        have = f"{listed}{more} have two values" if candidates else "no column has exactly two values"
        super().__init__(f"which column is the outcome is not plain: {have}. Name it with --target COLUMN.")


class TargetOutOfScope(DraftError):
    """The outcome does not have two values."""

    def __init__(self, *, column: str, values: Sequence[str], has_more: bool, may_be_line: bool = False) -> None:
        self.column, self.values = column, tuple(values)
        shown = ", ".join(repr(value) for value in values[:5]) or "nothing"
        count = f"more than {len(values):,}" if has_more else f"{len(values):,}"
        problem = f"target {column} has {count} different values ({shown}{', ...' if len(values) > 5 else ''})"
        line = "If a line is no customer, such as one of totals, remove it. " if may_be_line else ""
        super().__init__(f"{problem}. {line}{OUT_OF_SCOPE} Name another column with --target COLUMN.")


class NothingDrafted(DraftError):
    """There is no row, or no column that can be a feature."""

    def __init__(self, *, source: str, problem: str) -> None:
        self.source, self.problem = source, problem
        super().__init__(f"{source}: {problem}. Give a table with one row for each customer, known before the outcome.")


class DraftRefused(DraftError):
    """The draft cannot be written to the folder."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Name an empty folder with --output-dir.")
