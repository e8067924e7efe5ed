"""A trained model on disk: its manifest, its digests, and the pin that says which one is served.

    <models_dir>/pinned.json               version and digest of the manifest
    <models_dir>/store/<version>/          manifest.json lists every other file with its digest

Saving is atomic. Loading trusts nothing: the pin's digest covers the manifest, the manifest's digests cover the rest,
and no model file is opened before all of them hold. Knows nothing of what is inside a model file.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import (
    BundleError,
    BundleMissing,
    DigestMismatch,
    FileUnreadable,
    FingerprintMismatch,
    FormatUnsupported,
    ManifestInvalid,
    PinUnreadable,
    ShelfUnwritable,
)
from models.manifest import FORMAT_VERSION, Description, Manifest

MANIFEST, GRAPH, BOOSTER, REFERENCE, CARD, CARD_PAGE = (
    "manifest.json",
    "model.onnx",
    "model.ubj",
    "reference.parquet",
    "MODEL_CARD.md",
    "MODEL_CARD.html",
)


class Pin(BaseModel):
    """Which bundle is served: its version, and the SHA-256 of its manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")


class Bundle(BaseModel):
    """A bundle whose digests held when it was loaded."""

    model_config = ConfigDict(frozen=True)

    directory: Path
    manifest: Manifest

    def path(self, name: str) -> Path:
        """Return the path of one of the bundle's files."""
        return self.directory / name

    def read_text(self, name: str) -> str:
        """Return the content of one of the bundle's texts.

        Raises:
            FileUnreadable: it is not there, or this process may not read it.
        """
        with _reading(self.path(name)):
            return self.path(name).read_text(encoding="utf-8")


def require_shelf(models_dir: Path) -> None:
    """Make the shelf, and make sure that a bundle can be published on it.

    Raises:
        ShelfUnwritable: it cannot be written to.
    """
    try:
        (models_dir / "store").mkdir(parents=True, exist_ok=True)
        for folder in (models_dir, models_dir / "store"):
            tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ShelfUnwritable(path=models_dir, problem=error.strerror or "cannot be written") from error


def save(files: Path, description: Description, *, trained_at: datetime, models_dir: Path) -> Bundle:
    """Publish the folder `files` under a version made of the day and its content.

    The version's last eight digits are of a SHA-256 over the description and all files: the same training on the same
    day finds its bundle already there and leaves it as it is, unless it was damaged.
    """
    digests = _digests(files)
    content = json.dumps([description.model_dump(mode="json"), digests], sort_keys=True)
    version = f"{trained_at:%Y%m%d}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
    target = models_dir / "store" / version
    manifest = Manifest(**dict(description), version=version, trained_at=trained_at, files=digests)
    if not _holds(target, manifest):
        _move_in_place(files, target, manifest)
    return Bundle(directory=target, manifest=_read_manifest(target / MANIFEST))


def pin(bundle: Bundle, *, models_dir: Path) -> None:
    """Make a published bundle the served one, in one rename."""
    choice = Pin(version=bundle.manifest.version, digest=digest(bundle.path(MANIFEST)))
    with tempfile.TemporaryDirectory(dir=models_dir, prefix=".pinning-") as scratch:
        path = Path(scratch) / "pinned.json"
        path.write_text(choice.model_dump_json(indent=2) + "\n")
        path.chmod(0o644)
        path.replace(models_dir / "pinned.json")


def read_pin(models_dir: Path) -> Pin:
    """Read which version is served.

    Raises:
        PinUnreadable: there is no pin, or it is not one.
        FileUnreadable: this process may not read it.
    """
    path = models_dir / "pinned.json"
    with _reading(path):
        try:
            return Pin.model_validate_json(path.read_bytes())
        except FileNotFoundError as error:
            raise PinUnreadable(path=path, problem="no model is pinned") from error
        except ValidationError as error:
            raise PinUnreadable(path=path, problem=_first_problem(error)) from error


def load(models_dir: Path, *, fingerprint: str) -> Bundle:
    """Verify the pinned bundle and return it.

    Raises:
        BundleError: which kind says why it cannot be trusted; `FingerprintMismatch` when it was trained on another
            contract than `fingerprint`.
    """
    choice = read_pin(models_dir)
    directory = models_dir / "store" / choice.version
    with _reading(directory):
        if not directory.is_dir():
            raise BundleMissing(path=directory)
    _verify(directory / MANIFEST, choice.digest)
    manifest = _read_manifest(directory / MANIFEST)
    if manifest.version != choice.version:
        raise ManifestInvalid(path=directory / MANIFEST, problem=f"it is the manifest of {manifest.version}")
    if manifest.fingerprint != fingerprint:
        raise FingerprintMismatch(bundle=manifest.fingerprint, code=fingerprint)
    for name, expected in manifest.files.items():
        _verify(directory / name, expected)
    return Bundle(directory=directory, manifest=manifest)


def digest(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _move_in_place(files: Path, target: Path, manifest: Manifest) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".publishing-") as scratch:
        complete = Path(scratch) / target.name
        shutil.copytree(files, complete)
        (complete / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")
        for path in (complete, *complete.rglob("*")):  # scratch is private; a bundle is read by other users
            path.chmod(0o755 if path.is_dir() else 0o644)
        shutil.rmtree(target, ignore_errors=True)
        complete.rename(target)


def _digests(files: Path) -> dict[str, str]:
    return {path.relative_to(files).as_posix(): digest(path) for path in sorted(files.rglob("*")) if path.is_file()}


def _holds(target: Path, manifest: Manifest) -> bool:
    """Tell whether this very bundle is in place and whole, whenever it was trained."""
    try:
        found = _read_manifest(target / MANIFEST)
        digests = _digests(target)
    except (BundleError, OSError):
        return False
    digests.pop(MANIFEST)
    return digests == manifest.files and found.model_copy(update={"trained_at": manifest.trained_at}) == manifest


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileUnreadable(path=path, problem=error.strerror or "cannot be read") from error


def _verify(path: Path, expected: str) -> None:
    with _reading(path):
        found = digest(path)
    if found != expected:
        raise DigestMismatch(path=path, expected=expected, found=found)


def _read_manifest(path: Path) -> Manifest:
    try:
        raw = json.loads(path.read_bytes())
        if (found := raw.get("format_version")) != FORMAT_VERSION:
            raise FormatUnsupported(path=path, found=found, supported=FORMAT_VERSION)
        return Manifest.model_validate(raw)
    except (ValueError, AttributeError) as error:
        raise ManifestInvalid(path=path, problem=_first_problem(error)) from error


def _first_problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'content'}: {first['msg']}"
    return str(error)
