"""The pinned model, and its prediction for the example customer that every load sends."""

from functools import cache
from pathlib import Path

from models.bundles import bundle
from models.bundles.bundle import Bundle
from models.bundles.format.bundle_files import BOOSTER
from models.bundles.scorer import Scorer
from models.customer.contract import Matrix
from models.features import CONTRACT
from service.settings import Settings


def describe() -> dict[str, str]:
    """Return the version and size of the model, for the list of facts."""
    manifest = _load().manifest
    trees, depth = (manifest.parameters[name] for name in ("n_estimators", "max_depth"))
    return {"model": f"{manifest.version}, {trees} trees of depth {depth}"}


def booster() -> Path:
    """Return the path of the trees in XGBoost's own format."""
    return _load().path(BOOSTER).absolute()


def row() -> Matrix:
    """Encode the example customer: (1, width) float32."""
    return CONTRACT.to_matrix({name: [value] for name, value in CONTRACT.example.items()})


def score() -> float:
    """Compute the churn probability of the example customer."""
    return float(Scorer.of(_load()).score(row())[0])


@cache
def _load() -> Bundle:
    return bundle.load(Settings().models_dir, contract=CONTRACT)
