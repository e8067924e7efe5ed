"""The pin: pinned.json names the models that are served now, history.jsonl records every change.

The champion answers requests. A challenger is either only compared with it (`shadow`) or answers a share of the
customers (`canary`). Both files are small, are kept in git, and are replaced atomically by a rename.
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
"""Pattern of a bundle's version, which is a folder name in the store; it cannot point outside the store."""
Mode = Literal["shadow", "canary"]
Change = Literal["fit", "promote", "rollback", "challenge", "withdraw"]
"""What changed the pin: `fit --pin`, the promotion gate, a rollback, or a challenger that was added or withdrawn."""


class BundleRef(BaseModel):
    """A bundle, identified by its version and the SHA-256 of its manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field(pattern=VERSION)
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")


class Challenger(BundleRef):
    """A bundle that is tested beside the champion."""

    mode: Mode
    share: float = Field(default=0.1, gt=0, lt=1)
    """Share of the customers that a canary answers."""


class Pin(BundleRef):
    """The champion, and the challenger if there is one."""

    challenger: Challenger | None = None


class PinChange(BundleRef):
    """One change of the pin: the model, the time, the kind of change and the reason."""

    at: AwareDatetime
    change: Change
    why: str

    @property
    def is_of_champion(self) -> bool:
        """Whether the change made the model the champion."""
        return self.change in ("fit", "promote", "rollback")


def read(models_dir: Path) -> Pin:
    """Read which models are pinned.

    Raises:
        NothingPinned: pinned.json does not exist.
        PinUnreadable: pinned.json is invalid.
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


def write(pin: Pin, *, about: BundleRef, change: Change, why: str, models_dir: Path) -> None:
    """Write the pin, and add the change to the history; `about` is the model that is added or removed."""
    now = datetime.now(UTC).replace(microsecond=0)
    event = PinChange(version=about.version, digest=about.digest, at=now, change=change, why=why)
    lines = [one.model_dump_json() for one in (*history(models_dir), event)]
    _replace(models_dir / HISTORY, "\n".join(lines))  # first, so that no model is served that is not in the history
    _replace(models_dir / PINNED, pin.model_dump_json(indent=2, exclude_none=True))


def history(models_dir: Path) -> list[PinChange]:
    """Read all changes, oldest first; an empty list if there is no history.

    Raises:
        PinUnreadable: a line of the history is invalid.
        FileUnreadable: this process may not read it.
    """
    path = models_dir / HISTORY
    with reading(path):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            return [PinChange.model_validate_json(line) for line in lines if line]
        except FileNotFoundError:
            return []
        except ValidationError as error:
            raise PinUnreadable(path=path, problem=first_problem(error)) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Convert an `OSError` into an error that names the file.

    Raises:
        FileUnreadable: the file cannot be read.
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
