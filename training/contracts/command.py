"""`python -m training contract COMMAND`: what can be done with a contract."""

from collections.abc import Callable
from typing import Any

from pydantic_settings import BaseSettings

from training.contracts.settings import DraftSettings

PURPOSE = "Write the contract of your customers."


def _draft(settings: DraftSettings) -> tuple[str, int]:
    """Draft a contract, and print what each column became."""
    from training.contracts import draft  # noqa: PLC0415  # other actions need none of its libraries

    return draft.draft(settings), 0


COMMANDS: dict[str, tuple[Callable[[Any], tuple[str, int]], type[BaseSettings], str]] = {
    "draft": (_draft, DraftSettings, "nothing was written"),
}
"""By name: the action, its settings, and what is said if it does not finish."""
