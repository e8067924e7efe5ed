"""Compares models/features.py with the contract that a model was trained with, and says what each change breaks."""

from collections.abc import Iterator
from dataclasses import dataclass

from models.bundles import bundle, pins
from models.bundles.format.bundle_files import MANIFEST
from models.customer.contract import Contract
from models.customer.history import model_contract
from models.customer.history.changes import Change
from models.errors import BundleMissing, VersionUnclear
from models.features import CONTRACT
from training.contracts.settings import DiffSettings

_HEAD = ("field", "change", "the model", "breaks")


@dataclass(frozen=True)
class Diff:
    """All changes since the training of a model."""

    version: str
    changes: tuple[Change, ...]

    @property
    def is_compatible(self) -> bool:
        """Whether the model can serve the customers of today."""
        return all(change.is_compatible for change in self.changes)


def find(settings: DiffSettings, *, contract: Contract = CONTRACT) -> Diff:
    """Compare the contract with that of the pinned model, or of the one that the settings name.

    Raises:
        BundleError: there is no such model, or its manifest cannot be read or does not describe its contract.
    """
    version = _version(settings)
    path = settings.models_dir / "store" / version / MANIFEST
    if not path.parent.is_dir():
        raise BundleMissing(path=path.parent)
    manifest = bundle.read_manifest(path)
    found = model_contract.changes_since(manifest.fingerprint, manifest.features, contract)
    return Diff(version, tuple(found))


def describe(found: Diff) -> str:
    """Write the changes as a table, and what to do."""
    if not found.changes:
        return f"no changes: {found.version} was trained with this contract"
    rows = [_HEAD, *map(_row, found.changes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([_sentence(found), *table, *_remedies(found)])


def _version(settings: DiffSettings) -> str:
    if settings.against is None:
        return pins.read(settings.models_dir).version
    stored = [path.parent.name for path in (settings.models_dir / "store").glob(f"*/{MANIFEST}")]
    candidates = sorted(name for name in stored if name.startswith(settings.against))
    if len(candidates) > 1 and settings.against not in candidates:
        raise VersionUnclear(beginning=settings.against, candidates=candidates)
    return candidates[0] if len(candidates) == 1 else settings.against


def _sentence(found: Diff) -> str:
    count = f"{len(found.changes)} change{'s' if len(found.changes) > 1 else ''} since {found.version}"
    if found.is_compatible:
        return f"{count}, all compatible: it serves until the next training"
    refused = sum(not change.is_compatible for change in found.changes)
    return f"{count}, {refused} of them incompatible: it is refused, and the service answers 503 without another model"


def _row(change: Change) -> tuple[str, ...]:
    return change.field, change.what, "serves" if change.is_compatible else "refused", "; ".join(change.breaks) or "-"


def _remedies(found: Diff) -> Iterator[str]:
    for change in found.changes:
        if change.remedy is not None:
            yield f"{change.sentence}. {change.remedy}"
    if not found.is_compatible:
        yield "docs/change-the-contract.md has the order of steps."
