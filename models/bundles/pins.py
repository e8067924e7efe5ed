"""Which models are served, and which were: pinned.json says it of now, history.jsonl of every change so far.

A champion answers. A challenger beside it is only watched (`shadow`), or answers a share of the customers (`canary`).
Both files are small, lie in git, and are replaced in one rename.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from models.errors import FileUnreadable, NothingPinned, PinUnreadable, first_problem

PINNED, HISTORY = "pinned.json", "history.jsonl"
VERSION = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""Of a bundle's version, which names a folder of the store and never one beside it."""
Mode = Literal["shadow", "canary"]
Change = Literal["fit", "promote", "rollback", "challenge", "withdraw"]
"""What changed a pin: a person with `fit --pin`, the gate, a way back, a challenger that came or went."""


class Named(BaseModel):
    """A bundle, by its version and the SHA-256 of its manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field(pattern=VERSION)
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")


class Challenger(Named):
    """A bundle that is tried beside the champion."""

    mode: Mode
    share: float = Field(default=0.1, gt=0, lt=1)
    """Of the customers, for a canary: whom it answers."""


class Pin(Named):
    """The champion, and the challenger if there is one."""

    challenger: Challenger | None = None


class Event(Named):
    """One change: the model that it is about, and why it was made."""

    at: AwareDatetime
    change: Change
    why: str

    @property
    def is_of_champion(self) -> bool:
        """Whether it made the model the champion."""
        return self.change in ("fit", "promote", "rollback")


def read(models_dir: Path) -> Pin:
    """Read which models are served.

    Raises:
        NothingPinned: there is no pin.
        PinUnreadable: it is not one.
        FileUnreadable: this process may not read it.
    """
    path = models_dir / PINNED
    with reading(path):
        try:
            return Pin.model_validate_json(path.read_bytes())
        except FileNotFoundError as error:
            raise NothingPinned(path=path) from error
        except ValidationError as error:
            raise PinUnreadable(path=path, problem=first_problem(error)) from error


def write(pin: Pin, *, about: Named, change: Change, why: str, models_dir: Path) -> None:
    """Serve what the pin says, and remember why; `about` is the model that comes or goes."""
    now = datetime.now(UTC).replace(microsecond=0)
    event = Event(version=about.version, digest=about.digest, at=now, change=change, why=why)
    lines = [one.model_dump_json() for one in (*history(models_dir), event)]
    _replace(models_dir / HISTORY, "\n".join(lines))  # first, so that nothing is ever served that it does not know
    _replace(models_dir / PINNED, pin.model_dump_json(indent=2, exclude_none=True))


def history(models_dir: Path) -> list[Event]:
    """Read every change, the first one first; nothing where there was none.

    Raises:
        PinUnreadable: a line of it is no event.
        FileUnreadable: this process may not read it.
    """
    path = models_dir / HISTORY
    with reading(path):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            return [Event.model_validate_json(line) for line in lines if line]
        except FileNotFoundError:
            return []
        except ValidationError as error:
            raise PinUnreadable(path=path, problem=first_problem(error)) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say which file could not be read.

    Raises:
        FileUnreadable: the system says no.
    """
    try:
        yield
    except OSError as error:
        raise FileUnreadable(path=path, problem=error.strerror or "cannot be read") from error


def _replace(path: Path, content: str) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".pinning-") as scratch:
        complete = Path(scratch) / path.name
        complete.write_text(f"{content}\n", encoding="utf-8")
        complete.chmod(0o644)
        complete.replace(path)
