"""Carries an error of this project from another process: ours take keywords, so they cannot be pickled themselves."""

from collections.abc import Callable
from typing import Any, TypeVar

from models.errors import ModelsError
from training.errors import TrainingError

Result = TypeVar("Result")


class Carried(Exception):
    """An error on its way; its arguments are the class, the arguments and the facts of the original."""

    def original(self) -> Exception:
        """Return the error as it was raised."""
        kind, arguments, facts = self.args
        error: Exception = kind.__new__(kind, *arguments)
        error.__dict__.update(facts)
        return error


def call(function: Callable[[Any], Result], argument: Any) -> Result:
    """Call a function in another process.

    Raises:
        Carried: the function raised an error of this project.
    """
    try:
        return function(argument)
    except (ModelsError, TrainingError) as error:
        raise Carried(type(error), error.args, error.__dict__) from None
