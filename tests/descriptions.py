"""What a manifest says, for bundles that no training made."""

from pathlib import Path

from models.bundles.calibration import Calibration
from models.bundles.format import bundle_files
from models.bundles.format.provenance import Provenance
from models.bundles.manifest import CalibrationComparison, Confusion, Description
from models.bundles.risk import RiskPolicy
from models.customer.contract import Contract


def describe(contract: Contract, **changes: object) -> Description:
    """Describe a model of a contract of which hardly anything is known."""
    facts: dict[str, object] = {
        "fingerprint": contract.fingerprint,
        "features": [feature.schema() for feature in contract.features],
        "data": Provenance(source="test", query=None, rows=10, rejected_rows=0, sha256="0" * 64),
        "split": "at random",
        "policy": RiskPolicy(),
        "calibration": Calibration(),
        "metrics": {"roc_auc": 0.8},
        "intervals": {},
        "confusion": Confusion(true_negatives=5, false_positives=1, false_negatives=1, true_positives=3),
        "calibrated": CalibrationComparison(log_loss={}, before={}),
        "priced": None,
        "cross_validation": {},
        "seeds": {},
        "slices": [],
        "differences": {},
        "importance": {},
        "warnings": [],
        "parameters": {},
        "constraints": {},
        "tuning": None,
        "parity_difference": 0.0,
        "libraries": {},
    }
    return Description.model_validate(facts | changes)


def fill(files: Path) -> Path:
    """Add the files that a bundle must have and that the folder lacks; nothing can be read from them."""
    for name in bundle_files.REQUIRED:
        if not (files / name).exists():
            (files / name).write_bytes(name.encode())
    return files
