"""The pin: pinned.json names the models that are served now.

The champion answers requests. A challenger is either only compared with it (`shadow`) or answers a share of the
customers (`canary`). The file is small, is kept in git, and is replaced atomically by `models.bundles.pin_changes`.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.bundles.format import plain_files, strict_json
from models.bundles.format.plain_files import MEGABYTE, reading
from models.errors import NothingPinned, PinUnreadable, first_problem

PINNED = "pinned.json"
LARGEST_BYTES = MEGABYTE
VERSION = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""Pattern of a bundle's version, which is a folder name in the store; it cannot point outside the store."""
Mode = Literal["shadow", "canary"]


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


def read(models_dir: Path) -> Pin:
    """Read which models are pinned.

    Raises:
        NothingPinned: pinned.json does not exist.
        PinUnreadable: pinned.json is invalid.
        FileUnreadable: this process may not read it, or it is no plain file.
    """
    path = models_dir / PINNED
    with reading(path):
        try:
            # Kubernetes mounts a file as a link, so links are followed here.
            content = plain_files.read(path, largest_bytes=LARGEST_BYTES, follow_links=True)
        except FileNotFoundError as error:
            raise NothingPinned(path=path) from error
    try:
        return Pin.model_validate(strict_json.read(content))
    except ValueError as error:
        raise PinUnreadable(path=path, problem=first_problem(error)) from error
