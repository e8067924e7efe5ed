"""`python -m training contract COMMAND`: what can be done with a contract."""

from collections.abc import Callable
from typing import Any

from pydantic_settings import BaseSettings

from training.contracts.settings import DiffSettings, DraftSettings

PURPOSE = "Write the contract of your customers, and see what a change of it breaks."


def _draft(settings: DraftSettings) -> tuple[str, int]:
    """Draft a contract, and print what each column became."""
    from training.contracts import draft  # noqa: PLC0415  # other actions need none of its libraries

    return draft.draft(settings), 0


def _diff(settings: DiffSettings) -> tuple[str, int]:
    """Compare the contract with that of a model; 1 if the model cannot serve."""
    from training.contracts import diff  # noqa: PLC0415  # as above

    found = diff.find(settings)
    return diff.describe(found), 0 if found.is_compatible else 1


COMMANDS: dict[str, tuple[Callable[[Any], tuple[str, int]], type[BaseSettings], str]] = {
    "draft": (_draft, DraftSettings, "nothing was written"),
    "diff": (_diff, DiffSettings, "the contracts were not compared"),
}
"""By name: the action, its settings, and what is said if it does not finish."""
