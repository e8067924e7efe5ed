"""Reads the stacks of a sampling profiler, and counts samples by package and by line of the project's code."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

OURS = ("service/", "models/")
START = "service/__main__.py"
"""At the bottom of every stack; it does no work for a request."""
SERVER = "the server itself"
_FRAME = re.compile(r"(?P<function>.*) \((?P<path>[^()]+):(?P<line>\d+)\)")
_LOOP, _WAITING = "asyncio/", "threading.py"


@dataclass(frozen=True)
class Frame:
    """A function on the stack, and its current line."""

    function: str
    path: str
    line: int


@dataclass(frozen=True)
class Stack:
    """A call stack, outermost frame first, and its number of samples."""

    frames: tuple[Frame, ...]
    samples: int


def read(raw: str) -> list[Stack]:
    """Read py-spy's `raw` format: a line per stack, with frames separated by semicolons, then the number of samples.

    Waiting threads are left out; py-spy counts some of them as busy.
    """
    found = (_stack(*line.rsplit(" ", 1)) for line in raw.strip().split("\n") if line)
    return [stack for stack in found if stack.frames and not stack.frames[-1].path.startswith(_WAITING)]


def by_package(stacks: Iterable[Stack]) -> Counter[str]:
    """Count samples by the package of the innermost Python frame; C code counts for the package that called it."""
    found: Counter[str] = Counter()
    for stack in stacks:
        path = stack.frames[-1].path
        # The event loop itself has no Python frames: it reads or writes sockets, or parses HTTP.
        found["uvloop" if path.startswith(_LOOP) else path.partition("/")[0].removesuffix(".py")] += stack.samples
    return found


def by_line(stacks: Iterable[Stack]) -> Counter[Frame | str]:
    """Count samples by the innermost line of the project's code, with its calls; other stacks count for the server."""
    found: Counter[Frame | str] = Counter()
    for stack in stacks:
        own = [frame for frame in stack.frames if frame.path.startswith(OURS) and frame.path != START]
        found[own[-1] if own else SERVER] += stack.samples
    return found


def _stack(text: str, samples: str) -> Stack:
    return Stack(tuple(_frames(text)), int(samples))


def _frames(text: str) -> Iterator[Frame]:
    for part in text.split(";"):
        if match := _FRAME.fullmatch(part):
            yield Frame(match["function"], match["path"], int(match["line"]))
