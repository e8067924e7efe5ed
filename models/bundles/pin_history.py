"""The history of the pin: history.jsonl has one line for each change, in ASCII, and lines are only added.

A damaged line is left out with a warning, and stays in the file as it is: a rollback must work when things are broken.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime

from models.bundles.format import plain_files, strict_json
from models.bundles.format.plain_files import MEGABYTE
from models.bundles.pins import BundleRef, Pin
from models.errors import first_problem

logger = logging.getLogger(__name__)

HISTORY = "history.jsonl"
LARGEST_BYTES = 16 * MEGABYTE
"""About 50,000 changes."""
_TOLD_LINES = 5
Change = Literal["fit", "promote", "rollback", "challenge", "withdraw", "void"]
"""What changed the pin: `fit --pin`, the promotion gate, a rollback, or a challenger that was added or withdrawn.
`void` says that the change before it was interrupted and had no effect."""


class PinChange(BundleRef):
    """One change of the pin: the model, the time, the kind of change and the reason."""

    at: AwareDatetime
    change: Change
    why: str

    @property
    def is_of_champion(self) -> bool:
        """Whether the change made the model the champion."""
        return self.change in ("fit", "promote", "rollback")

    def agrees(self, pin: Pin | None) -> bool:
        """Return whether the model that this change is about is pinned as the change left it."""
        if pin is None:
            return False
        if self.is_of_champion:
            return (pin.version, pin.digest) == (self.version, self.digest)
        tried = pin.challenger
        if self.change == "challenge":
            return tried is not None and (tried.version, tried.digest) == (self.version, self.digest)
        return tried is None


@dataclass(frozen=True)
class PinHistory:
    """What can be read, oldest first."""

    lines: list[PinChange]
    changes: list[PinChange]
    """The lines without each `void`, and without the change before it."""
    last: PinChange | None
    """The last line; None if it cannot be read, or if there is none."""
    problems: list[str]
    """What was left out, and why; empty if the whole history was read."""

    def differing(self, pin: Pin | None) -> PinChange | None:
        """Return the last change if the pin differs from it: it was interrupted, or the pin was changed by hand.

        None if a line follows that cannot be read.
        """
        last = self.last
        return last if last and last.change != "void" and not last.agrees(pin) else None


def read(models_dir: Path) -> PinHistory:
    """Read all changes, and log a warning for what is left out; empty if there is no history."""
    path = models_dir / HISTORY
    try:
        content = plain_files.read(path, largest_bytes=LARGEST_BYTES, follow_links=True)
    except FileNotFoundError:
        return _parse(path, b"")
    except OSError as error:
        found = PinHistory([], [], None, [f"{path}: {error.strerror or 'it cannot be read'}"])
    else:
        found = _parse(path, content)
    for problem in found.problems[:_TOLD_LINES]:
        logger.warning("left out of the history of the pin: %s", problem)
    if (more := len(found.problems) - _TOLD_LINES) > 0:
        logger.warning("left out of the history of the pin: %d more lines", more)
    return found


def append(change: PinChange, models_dir: Path) -> None:
    """Add a change. What cannot be read at all is moved aside, and a new history begins. Hold the pin's lock.

    Raises:
        OSError: the history cannot be written.
    """
    path = models_dir / HISTORY
    try:
        before = plain_files.read(path, largest_bytes=LARGEST_BYTES, follow_links=True)
    except FileNotFoundError:
        before = b""
    except OSError:
        before = b""
        aside = next(name for name in _names_aside(path) if not name.exists())
        path.rename(aside)
        logger.warning("%s was moved to %s, and a new history begins", path, aside.name)
    if before and not before.endswith(b"\n"):  # its last line was not finished
        before += b"\n"
    plain_files.replace(path, before + to_line(change))


def to_line(change: PinChange) -> bytes:
    """Format a change; in ASCII, so that no program sees the end of a line in the reason."""
    line = json.dumps(change.model_dump(mode="json"), ensure_ascii=True, separators=(",", ":"))
    return line.encode("ascii") + b"\n"


def _parse(path: Path, content: bytes) -> PinHistory:
    lines: list[PinChange] = []
    changes: list[PinChange] = []
    problems: list[str] = []
    last = None
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        before = last
        try:
            last = PinChange.model_validate(strict_json.read(line))
        except ValueError as error:
            last = None
            problems.append(f"{path}, line {number}: {first_problem(error)}")
            continue
        lines.append(last)
        if last.change != "void":
            changes.append(last)
        elif before and before.change != "void" and (before.version, before.digest) == (last.version, last.digest):
            changes.pop()
    return PinHistory(lines, changes, last, problems)


def _names_aside(path: Path) -> Iterator[Path]:
    return (path.with_name(f"{path.name}.unreadable-{number}") for number in count(1))
