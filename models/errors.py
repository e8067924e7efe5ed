"""Base class of all errors of this package, and the errors of bundles.

Each error keeps its facts as attributes, and its message ends with the remedy. Three branches are in other modules:
`models.customer.errors` (files of customers), `models.columns.errors` (the columns file) and `models.log.errors` (the
prediction log).

ModelsError
├── ContractError             no contract can be derived from a feature class
├── ParityError               two runtimes give different probabilities for the same rows
├── StoreUnwritable           the store is not writable, so no bundle can be published or pinned
├── PinLocked                 another process is changing the pin
├── TableError                a file of customers cannot be read
├── ColumnsError              a columns file is invalid, or does not fit a table
├── LogError                  the prediction log cannot be used, or rejects outcomes
└── BundleError               a bundle fails verification; the service keeps running and reports why
    ├── PinUnreadable         pinned.json is invalid
    │   └── NothingPinned     no model is pinned yet
    ├── BundleMissing         the version is not in the store
    ├── VersionUnclear        the beginning of a version fits several
    ├── VersionShort          the version has too few digits to be trusted without the pin's digest
    ├── FormatUnsupported     the bundle was written in another format
    ├── ManifestInvalid       the manifest is incomplete or invalid
    ├── FingerprintMismatch   the bundle was trained on another contract
    ├── FileUnreadable        a file that the manifest lists is missing or not readable
    │   └── CustomersMissing  the files with customers are not there
    ├── DigestMismatch        a file differs from the published one
    ├── GraphUnreadable       ONNX Runtime cannot open the model file
    ├── BoosterUnreadable     XGBoost cannot open the trees, so predictions cannot be explained
    └── ProbeFailed           the model fails to predict the contract's example customer
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from models import plain_text


def first_problem(error: Exception) -> str:
    """Describe an error in one line; of pydantic's errors, only the first."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return plain_text.first_line(f"{'.'.join(map(str, first['loc'])) or 'content'}: {first['msg']}")
    return plain_text.first_line(error)


class ModelsError(Exception):
    """Base of all errors of this package."""


class ContractError(ModelsError):
    """No contract can be derived from a feature class."""

    def __init__(self, *, field: str, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(f"{field}: {problem}. Change the field in models/features.py.")


class ParityError(ModelsError):
    """The exported ONNX graph and its booster give different probabilities."""

    def __init__(self, *, difference: float, limit: float, rows: int) -> None:
        self.difference, self.limit, self.rows = difference, limit, rows
        super().__init__(
            f"the probabilities of the ONNX graph and the booster differ by {difference:.2e} on {rows} rows; the limit "
            f"is {limit:.0e}. Nothing was published. Check the versions of onnxmltools and xgboost."
        )


class BundleError(ModelsError):
    """Base of all errors of bundles that fail verification."""


class PinUnreadable(BundleError):
    """pinned.json is invalid."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(
            f"{path}: {problem}. Restore the file (`git checkout models/`), pin a version of the store (`python -m "
            "training rollback VERSION`), or pin a new model (`python -m training fit --pin`)."
        )


class NothingPinned(PinUnreadable):
    """No model is pinned yet."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(path=path, problem="no model is pinned")


class BundleMissing(BundleError):
    """The version is not in the store."""

    def __init__(self, *, path: Path) -> None:
        self.path = path
        super().__init__(f"{path}: no such bundle. Restore the folder, or pin a version that is in the store.")


class VersionUnclear(BundleError):
    """The beginning of a version fits several."""

    def __init__(self, *, beginning: str, candidates: Sequence[str]) -> None:
        self.beginning, self.candidates = beginning, tuple(candidates)
        super().__init__(f"{beginning} may be {', '.join(candidates)}. Write more of its digits.")


class VersionShort(BundleError):
    """The version has too few digits to be trusted without the pin's digest."""

    def __init__(self, *, version: str, digits: int) -> None:
        self.version, self.digits = version, digits
        super().__init__(
            f"{version} does not end in {digits} digits of its content's SHA-256: with fewer, another content may have "
            "the same version. A pin or a rollback from the history, which have the full digest, may still serve it; "
            "for anything else, fit the model again."
        )


class FormatUnsupported(BundleError):
    """The bundle was written in a format that this code does not read."""

    def __init__(self, *, path: Path, found: object, supported: int) -> None:
        self.path, self.found, self.supported = path, found, supported
        super().__init__(
            f"{path}: the bundle has format {found!r}, but this code reads format {supported}. "
            "Train again with `make train`, or deploy the code that wrote the bundle."
        )


class ManifestInvalid(BundleError):
    """The manifest is incomplete or invalid."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Publish the bundle again.")


class FingerprintMismatch(BundleError):
    """The bundle was trained on a contract whose changes since then are not compatible."""

    def __init__(self, *, bundle: str, code: str, changes: Sequence[str] = ()) -> None:
        self.bundle, self.code, self.changes = bundle, code, tuple(changes)
        why = f": {' '.join(changes)}" if changes else "."
        super().__init__(
            f"the bundle's feature fingerprint {bundle[:12]} is not the code's {code[:12]}{why} "
            "Train again after a change of models/features.py: `make train DATA=your.csv COLUMNS=your.toml`. "
            "Or deploy the code that trained the bundle. `python -m training contract diff` lists all changes."
        )


class FileUnreadable(BundleError):
    """A file of the bundle is missing, or this process may not read it."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(
            f"{path}: {problem}. Restore the bundle from git or the registry, and make it readable for the service."
        )


class CustomersMissing(FileUnreadable):
    """The files with customers are not there."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(path=path, problem="no such file; it holds customers, and the service's image leaves it out")


class DigestMismatch(BundleError):
    """A file differs from the published one."""

    def __init__(self, *, path: Path, expected: str, found: str) -> None:
        self.path, self.expected, self.found = path, expected, found
        super().__init__(
            f"{path}: SHA-256 is {found[:12]}, the published file had {expected[:12]}. "
            "Restore the bundle from git or the registry."
        )


class GraphUnreadable(BundleError):
    """ONNX Runtime cannot open the model file."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(
            f"{path}: {problem}. Train again with `make train` and the locked versions of onnxmltools and onnxruntime."
        )


class BoosterUnreadable(BundleError):
    """XGBoost cannot open the trees, or they were trained on another contract."""

    def __init__(self, *, path: Path, problem: str, remedy: str = "") -> None:
        self.path, self.problem = path, problem
        usual = "Train again with `make train` and the locked version of xgboost."
        super().__init__(f"{path}: {problem}. {remedy or usual}")


class ProbeFailed(BundleError):
    """The model fails to predict the contract's example customer."""

    def __init__(self, *, version: str, problem: str) -> None:
        self.version, self.problem = version, problem
        super().__init__(
            f"model {version} fails on the contract's example: {problem}. Pin another model, or train "
            "again with `make train`."
        )


class PinLocked(ModelsError):
    """Another process is changing the pin."""

    def __init__(self, *, path: Path, seconds: float) -> None:
        self.path, self.seconds = path, seconds
        super().__init__(
            f"{path}: another process has locked the pin for {seconds:g} s; nothing was changed. Try again when it has "
            f"ended; `lsof {path}` names it."
        )


class StoreUnwritable(ModelsError):
    """The store is not writable, so no bundle can be published or pinned."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Name a folder that this process may write to.")
