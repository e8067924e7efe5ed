"""Bundles, the trained models in the store: saving, verifying, loading and pinning them.

    <models_dir>/pinned.json               version and digest of the manifest; see `models.bundles.pins`
    <models_dir>/store/<version>/          manifest.json lists every other file with its digest

Saving is atomic. Loading verifies everything: the pin's digest covers the manifest, the manifest's digests cover all
other files, and no model file is opened before all digests match.
"""

import hashlib
import json
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from models.bundles import pins
from models.bundles.manifest import FORMAT_VERSION, Description, Manifest
from models.bundles.pins import BundleRef, Change, Pin, reading
from models.errors import (
    BundleError,
    BundleMissing,
    DigestMismatch,
    FingerprintMismatch,
    FormatUnsupported,
    ManifestInvalid,
    StoreUnwritable,
    first_problem,
)

MANIFEST, GRAPH, BOOSTER = "manifest.json", "model.onnx", "model.ubj"
REFERENCE, HOLDOUT, SEEN = "reference.parquet", "holdout.parquet", "seen.npy"
CARD, CARD_PAGE = "MODEL_CARD.md", "MODEL_CARD.html"


class Bundle(BaseModel):
    """A bundle whose digests matched when it was loaded."""

    model_config = ConfigDict(frozen=True)

    directory: Path
    manifest: Manifest

    def path(self, name: str) -> Path:
        """Return the path of one of the bundle's files."""
        return self.directory / name

    def read_text(self, name: str) -> str:
        """Return the content of one of the bundle's text files.

        Raises:
            FileUnreadable: it is missing, or this process may not read it.
        """
        with reading(self.path(name)):
            return self.path(name).read_text(encoding="utf-8")


def require_store(models_dir: Path) -> None:
    """Create the store if it is missing, and check that a bundle can be published in it.

    Raises:
        StoreUnwritable: it is not writable.
    """
    try:
        (models_dir / "store").mkdir(parents=True, exist_ok=True)
        for folder in (models_dir, models_dir / "store"):
            tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise StoreUnwritable(path=models_dir, problem=error.strerror or "cannot be written") from error


def save(files: Path, description: Description, *, trained_at: datetime, models_dir: Path) -> Bundle:
    """Publish the folder `files` under a version made from the date and the content.

    The last eight digits of the version come from a SHA-256 over the description and all files. The same training on
    the same day therefore finds its bundle in place and keeps it, unless it is damaged; that bundle then counts as the
    newest.
    """
    digests = _digests(files)
    version = f"{trained_at:%Y%m%d}-{_identify(description, digests)}"
    target = models_dir / "store" / version
    manifest = Manifest(**dict(description), version=version, trained_at=trained_at, files=digests)
    if _holds(target, manifest):
        (target / MANIFEST).touch()
    else:
        _move_in_place(files, target, manifest)
    return Bundle(directory=target, manifest=_read_manifest(target / MANIFEST))


def pin(bundle: Bundle, *, models_dir: Path, change: Change = "fit", why: str = "") -> None:
    """Make a published bundle the champion, without a challenger."""
    champion = Pin(**dict(name(bundle)))
    pins.write(champion, about=champion, change=change, why=why, models_dir=models_dir)


def name(bundle: Bundle) -> BundleRef:
    """Return the version and the manifest's digest of a bundle, as a pin stores them."""
    return BundleRef(version=bundle.manifest.version, digest=digest(bundle.path(MANIFEST)))


def load(models_dir: Path, *, fingerprint: str, named: BundleRef | None = None) -> Bundle:
    """Verify a bundle of the store, by default the champion, and return it.

    Raises:
        BundleError: verification failed, and the class names the reason; `FingerprintMismatch` if the bundle was
            trained on another contract than `fingerprint`.
    """
    named = named or pins.read(models_dir)
    manifest_path = _in_store(models_dir, named.version) / MANIFEST
    _verify(manifest_path, named.digest)
    return _load(manifest_path, named.version, fingerprint)


def find(models_dir: Path, version: str, *, fingerprint: str) -> Bundle:
    """Verify a bundle by its version, without a digest, and return it: the version must match the content.

    Raises:
        BundleError: as for `load`.
    """
    found = _load(_in_store(models_dir, version) / MANIFEST, version, fingerprint)
    manifest = found.manifest
    described = Description(**{field: getattr(manifest, field) for field in Description.model_fields})
    if not version.endswith(content := _identify(described, manifest.files)):
        raise DigestMismatch(path=found.path(MANIFEST), expected=version.rpartition("-")[2], found=content)
    return found


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _in_store(models_dir: Path, version: str) -> Path:
    directory = models_dir / "store" / version
    with reading(directory):
        if not directory.is_dir():
            raise BundleMissing(path=directory)
    return directory


def _load(path: Path, version: str, fingerprint: str) -> Bundle:
    with reading(path):
        manifest = _read_manifest(path)
    if manifest.version != version:
        raise ManifestInvalid(path=path, problem=f"it is the manifest of {manifest.version}")
    if manifest.fingerprint != fingerprint:
        raise FingerprintMismatch(bundle=manifest.fingerprint, code=fingerprint)
    for listed, expected in manifest.files.items():
        _verify(path.parent / listed, expected)
    return Bundle(directory=path.parent, manifest=manifest)


def _identify(description: Description, digests: dict[str, str]) -> str:
    """Return eight hex digits of a SHA-256 over everything in a bundle."""
    content = json.dumps([description.model_dump(mode="json"), digests], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:8]


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
    """Return whether the same bundle is in place and undamaged; its time of training may differ."""
    try:
        found = _read_manifest(target / MANIFEST)
        digests = _digests(target)
    except (BundleError, OSError):
        return False
    digests.pop(MANIFEST)
    return digests == manifest.files and found.model_copy(update={"trained_at": manifest.trained_at}) == manifest


def _verify(path: Path, expected: str) -> None:
    with reading(path):
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
        raise ManifestInvalid(path=path, problem=first_problem(error)) from error
