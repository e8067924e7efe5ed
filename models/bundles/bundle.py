"""Bundles, the trained models in the store: saving, verifying, loading and pinning them.

    <models_dir>/pinned.json               version and digest of the manifest; see `models.bundles.pins`
    <models_dir>/store/<version>/          manifest.json lists every other file with its digest

Saving is atomic. Loading verifies everything: the pin's digest covers the manifest, the manifest's digests cover all
other files, and no model file is opened before all digests match. `models.bundles.format.bundle_files` names the files.
"""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from models.bundles import pin_changes, pins, versions
from models.bundles.format import bundle_files, plain_files, strict_json
from models.bundles.format.bundle_files import CUSTOMERS, LARGEST_BYTES, MANIFEST
from models.bundles.format.plain_files import reading
from models.bundles.manifest import FORMAT_VERSION, Description, Manifest
from models.bundles.pin_history import Change
from models.bundles.pins import BundleRef, Pin
from models.customer.contract import Contract
from models.customer.history import model_contract
from models.errors import (
    BundleError,
    BundleMissing,
    CustomersMissing,
    DigestMismatch,
    FileUnreadable,
    FormatUnsupported,
    ManifestInvalid,
    StoreUnwritable,
    VersionShort,
    first_problem,
)


@dataclass(frozen=True)
class Bundle:
    """A bundle whose digests matched when it was loaded."""

    directory: Path
    manifest: Manifest
    contract: Contract
    """It encodes customers of today for this model, with the levels that the model learned."""
    today: Contract
    """The contract of the code, with the levels that the model learned: it checks customers for this model."""

    def path(self, name: str) -> Path:
        """Return the path of one of the bundle's files."""
        return self.directory / name

    def read(self, name: str) -> bytes:
        """Read one of the bundle's files, and verify what was read: the file may have changed since the loading.

        Raises:
            FileUnreadable: it is missing, or this process may not read it.
            DigestMismatch: it is not the published one.
        """
        path = self.path(name)
        with reading(path):
            content = plain_files.read(path, largest_bytes=LARGEST_BYTES[name])
        if (found := hashlib.sha256(content).hexdigest()) != self.manifest.files[name]:
            raise DigestMismatch(path=path, expected=self.manifest.files[name], found=found)
        return content

    def read_text(self, name: str) -> str:
        """Read one of the bundle's text files, as `read` does.

        Raises:
            FileUnreadable: also if it is not UTF-8.
        """
        try:
            return self.read(name).decode()
        except UnicodeDecodeError as error:
            raise FileUnreadable(path=self.path(name), problem="it is not UTF-8") from error


def require_store(models_dir: Path) -> None:
    """Create the store if it is missing, or raise `StoreUnwritable` if no bundle can be published in it."""
    try:
        (models_dir / "store").mkdir(parents=True, exist_ok=True)
        for folder in (models_dir, models_dir / "store"):
            tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise StoreUnwritable(path=models_dir, problem=error.strerror or "cannot be written") from error


def save(
    files: Path, description: Description, contract: Contract, *, trained_at: datetime, models_dir: Path
) -> Bundle:
    """Publish the folder `files` under a version made from the date and the content.

    The last digits of the version come from a SHA-256 over the description and all files. The same training on the
    same day therefore finds its bundle in place and keeps it, unless it is damaged; that bundle then counts as the
    newest.

    Raises:
        ManifestInvalid: the folder has not the files of a bundle.
    """
    digests = _digests(files)
    if problem := bundle_files.find_problem(digests):
        raise ManifestInvalid(path=files, problem=problem)
    version = f"{trained_at:%Y%m%d}-{versions.identify(description, digests)}"
    target = models_dir / "store" / version
    manifest = Manifest(**dict(description), version=version, trained_at=trained_at, files=digests)
    if _holds(target, manifest):
        (target / MANIFEST).touch()
    else:
        _move_in_place(files, target, manifest)
    return Bundle(target, read_manifest(target / MANIFEST), contract, today=contract)


def pin(bundle: Bundle, *, models_dir: Path, change: Change = "fit", why: str = "") -> None:
    """Make a published bundle the champion, without a challenger."""
    champion = Pin(**dict(name(bundle)))
    pin_changes.write(champion, about=champion, change=change, why=why, models_dir=models_dir)


def name(bundle: Bundle) -> BundleRef:
    """Return the version and the manifest's digest of a bundle, as a pin stores them."""
    return BundleRef(version=bundle.manifest.version, digest=digest(bundle.path(MANIFEST)))


def load(
    models_dir: Path, *, contract: Contract, named: BundleRef | None = None, without_customers: bool = False
) -> Bundle:
    """Verify a bundle of the store, by default the champion, and return it.

    `without_customers` is for the service: a file with customers may be missing, and is verified if it is there.

    Raises:
        BundleError: verification failed, and the class names the reason; `FingerprintMismatch` if it was
            trained before a change to `contract` that is not compatible.
    """
    named = named or pins.read(models_dir)
    manifest_path = _in_store(models_dir, named.version) / MANIFEST
    _verify(manifest_path, named.digest)
    return _load(manifest_path, named.version, contract, without_customers=without_customers)


def find(models_dir: Path, version: str, *, contract: Contract) -> Bundle:
    """Verify a bundle by its version, without a digest, and return it: the version must match the content.

    Raises:
        VersionShort: the version has too few digits of its content.
        BundleError: as for `load`.
    """
    directory = _in_store(models_dir, version)
    if not versions.is_identified(version):
        raise VersionShort(version=version, digits=versions.DIGITS)
    found = _load(directory / MANIFEST, version, contract)
    manifest = found.manifest
    if not version.endswith(content := versions.identify(manifest.description, manifest.files)):
        raise DigestMismatch(path=found.path(MANIFEST), expected=version.rpartition("-")[2], found=content)
    return found


def digest(path: Path) -> str:
    """Return the SHA-256 of a bundle's file, 64 hex digits.

    Raises:
        FileUnreadable: it is missing, too large or no plain file.
    """
    name = path.name if path.name in LARGEST_BYTES else f"{path.parent.name}/{path.name}"
    with reading(path):
        return plain_files.digest(path, largest_bytes=LARGEST_BYTES.get(name, plain_files.MEGABYTE))


def _in_store(models_dir: Path, version: str) -> Path:
    directory = models_dir / "store" / version
    with reading(directory):
        try:
            plain_files.require_folder(directory)
        except (FileNotFoundError, NotADirectoryError) as error:
            if directory.is_symlink():
                raise
            raise BundleMissing(path=directory) from error
    return directory


def _load(path: Path, version: str, contract: Contract, *, without_customers: bool = False) -> Bundle:
    manifest = read_manifest(path)
    if manifest.version != version:
        raise ManifestInvalid(path=path, problem=f"it is the manifest of {manifest.version}")
    trained = model_contract.trained(manifest.fingerprint, manifest.features, contract)
    for listed, expected in manifest.files.items():
        _verify_listed(path.parent, listed, expected, without_customers=without_customers)
    return Bundle(path.parent, manifest, trained.learned(manifest.levels), contract.learned(manifest.levels))


def _verify_listed(directory: Path, listed: str, expected: str, *, without_customers: bool) -> None:
    path = directory / listed
    if path.parent != directory:
        with reading(path.parent):
            plain_files.require_folder(path.parent)
    try:
        _verify(path, expected)
    except FileUnreadable as error:
        if listed not in CUSTOMERS or not isinstance(error.__cause__, FileNotFoundError):
            raise
        if not without_customers:
            raise CustomersMissing(path=path) from error


def _move_in_place(files: Path, target: Path, manifest: Manifest) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".publishing-") as scratch:
        complete = Path(scratch) / target.name
        shutil.copytree(files, complete)
        (complete / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        for path in (complete, *complete.rglob("*")):  # scratch is private; a bundle is read by other users
            path.chmod(0o755 if path.is_dir() else 0o644)
        shutil.rmtree(target, ignore_errors=True)
        complete.rename(target)


def _digests(files: Path) -> dict[str, str]:
    return {path.relative_to(files).as_posix(): digest(path) for path in sorted(files.rglob("*")) if path.is_file()}


def _holds(target: Path, manifest: Manifest) -> bool:
    """Return whether the same bundle is in place and undamaged; its time of training may differ."""
    try:
        found = read_manifest(target / MANIFEST)
        digests = _digests(target)
    except (BundleError, OSError):
        return False
    digests.pop(MANIFEST)
    return digests == manifest.files and found.model_copy(update={"trained_at": manifest.trained_at}) == manifest


def _verify(path: Path, expected: str) -> None:
    if (found := digest(path)) != expected:
        raise DigestMismatch(path=path, expected=expected, found=found)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest, without verifying the bundle."""
    with reading(path):
        content = plain_files.read(path, largest_bytes=LARGEST_BYTES[MANIFEST])
    try:
        raw = strict_json.read(content)
        if (found := raw.get("format_version")) != FORMAT_VERSION:
            raise FormatUnsupported(path=path, found=found, supported=FORMAT_VERSION)
        return Manifest.model_validate(raw)
    except (ValueError, AttributeError) as error:
        raise ManifestInvalid(path=path, problem=first_problem(error)) from error
