"""The root of every error of this package, and the errors of bundles.

Each error keeps its facts as attributes and ends its sentence with the remedy. Two branches have modules of their own:
`models.customer.errors` (files of customers) and `models.log.errors` (the prediction log).

ModelsError
├── ContractError             a feature class that no contract can be derived from
├── ParityError               two runtimes give different probabilities for the same rows
├── StoreUnwritable           no bundle can be published
├── TableError                a file of customers cannot be read
├── LogError                  the prediction log cannot be used, or refuses outcomes
└── BundleError               a trained model cannot be trusted; the service stays up and says why
    ├── PinUnreadable         pinned.json or its history is invalid
    │   └── NothingPinned     there is no pin yet
    ├── BundleMissing         the version is not in the store
    ├── FormatUnsupported     the bundle was written in another format
    ├── ManifestInvalid       the manifest is incomplete or invalid
    ├── FingerprintMismatch   the bundle was trained on another contract
    ├── FileUnreadable        a file that the manifest lists is missing or not readable
    ├── DigestMismatch        a file is not the one that was published
    ├── GraphUnreadable       ONNX Runtime cannot open the model file
    ├── BoosterUnreadable     XGBoost cannot open the trees, so predictions cannot be explained
    └── ProbeFailed           the model cannot predict a customer who is known to be valid
"""

from pathlib import Path

from pydantic import ValidationError


def first_problem(error: Exception) -> str:
    """Say in one sentence what is wrong with a file: of pydantic's errors, the first."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'content'}: {first['msg']}"
    return str(error)


class ModelsError(Exception):
    """Base of all errors of this package."""


class ContractError(ModelsError):
    """A feature class cannot be turned into a contract."""

    def __init__(self, *, field: str, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(f"{field}: {problem}. Change the field in models/features.py.")


class ParityError(ModelsError):
    """The exported graph and the booster it came from give different probabilities."""

    def __init__(self, *, difference: float, limit: float, rows: int) -> None:
        self.difference, self.limit, self.rows = difference, limit, rows
        super().__init__(
            f"ONNX and booster differ by {difference:.2e} on {rows} rows, more than {limit:.0e}. "
            "Nothing was published; check the versions of onnxmltools and xgboost."
        )


class BundleError(ModelsError):
    """Base of all reasons not to trust a trained model on disk."""


class PinUnreadable(BundleError):
    """pinned.json or its history is not what it must be."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Pin a bundle with `python -m training fit --pin`.")


class NothingPinned(PinUnreadable):
    """There is no pin yet."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(path=path, problem="no model is pinned")


class BundleMissing(BundleError):
    """The version is not in the store."""

    def __init__(self, *, path: Path) -> None:
        self.path = path
        super().__init__(f"{path}: no such bundle. Restore the folder, or pin a version that the store holds.")


class FormatUnsupported(BundleError):
    """The bundle was written in a format that this code does not read."""

    def __init__(self, *, path: Path, found: object, supported: int) -> None:
        self.path, self.found, self.supported = path, found, supported
        super().__init__(
            f"{path}: bundle format {found!r}, this code reads {supported}. "
            "Train again, or deploy the code that wrote it."
        )


class ManifestInvalid(BundleError):
    """The manifest does not hold what it must."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Publish the bundle again.")


class FingerprintMismatch(BundleError):
    """The bundle was trained on another contract than the code holds."""

    def __init__(self, *, bundle: str, code: str) -> None:
        self.bundle, self.code = bundle, code
        super().__init__(
            f"the bundle's feature fingerprint {bundle[:12]} is not the code's {code[:12]}. "
            "Train again after a change of models/features.py, or go back to the code of the bundle."
        )


class FileUnreadable(BundleError):
    """A file of the bundle is not there, or this process may not read it."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Restore the bundle from git or the registry, readable for the service.")


class DigestMismatch(BundleError):
    """A file's content is not what was published."""

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
        super().__init__(f"{path}: {problem}. Train again with the locked versions of onnxmltools and onnxruntime.")


class BoosterUnreadable(BundleError):
    """XGBoost cannot open the file of the trees, or they are of another contract."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Train again with the locked version of xgboost.")


class ProbeFailed(BundleError):
    """The model cannot predict a customer who is known to be valid."""

    def __init__(self, *, version: str, problem: str) -> None:
        self.version, self.problem = version, problem
        super().__init__(f"model {version} fails on the contract's example: {problem}. Pin another, or train again.")


class StoreUnwritable(ModelsError):
    """No bundle can be published."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Name a folder that this process may write to.")
