"""Runs a function on each part of a table."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")


class Executor(Protocol):
    """Where the parts are worked on."""

    def map(self, function: Callable[[Any], Any], parts: Iterable[Any], *, keep: bool) -> Iterator[Any]:
        """Yield the result for each part, in the order of the parts, as soon as it is there.

        `parts` are parts, or what an earlier call with `keep` yielded for them. With `keep` the results stay where they
        were made, and what is yielded stands for them: it can only be given to `map` again.
        """
        ...

    def together(self, function: Callable[[Sequence[Any]], Result], parts: Iterable[Any]) -> Result:
        """Run a function once in each process that holds parts, with its parts, at the same time; return one result.

        The processes form a group of `xgboost.collective`, and the results must be equal. `parts` are as in `map`.
        """
        ...

    def share(self, value: Any) -> Any:
        """Bring a value to where the work is done, once; what is returned stands for it, and is given to `spread`."""
        ...

    def spread(self, function: Callable[[Any, Any], Any], shared: Any, arguments: Iterable[Any]) -> Iterator[Any]:
        """Yield the result of a function of the shared value and each argument, in the order of the arguments.

        Each call is a task of its own. Whoever stops asking leaves the rest undone.
        """
        ...


class InProcess:
    """Works on one part after another, in this process; a kept result is the result itself."""

    def map(self, function: Callable[[Any], Any], parts: Iterable[Any], *, keep: bool) -> Iterator[Any]:  # noqa: ARG002  # everything is kept here
        """Yield the result for each part, in the order of the parts."""
        return map(function, parts)

    def together(self, function: Callable[[Sequence[Any]], Result], parts: Iterable[Any]) -> Result:
        """Run a function with all parts."""
        return function(list(parts))

    def share(self, value: Any) -> Any:
        """Return the value: it is here."""
        return value

    def spread(self, function: Callable[[Any, Any], Any], shared: Any, arguments: Iterable[Any]) -> Iterator[Any]:
        """Yield the result for each argument; each is computed when it is asked for."""
        return map(partial(function, shared), arguments)
