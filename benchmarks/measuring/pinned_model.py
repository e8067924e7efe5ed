"""What the pinned model says of the one customer that every load asks about."""

from functools import cache
from pathlib import Path

from models.bundles import bundle
from models.bundles.bundle import BOOSTER, Bundle
from models.bundles.scorer import Scorer
from models.customer.contract import Matrix
from models.features import CONTRACT
from service.settings import Settings


def describe() -> dict[str, str]:
    """Tell which model it is, for those who read figures."""
    manifest = _load().manifest
    trees, depth = (manifest.parameters[name] for name in ("n_estimators", "max_depth"))
    return {"model": f"{manifest.version}, {trees} trees of depth {depth}"}


def booster() -> Path:
    """Where its trees are, in XGBoost's own format."""
    return _load().path(BOOSTER).absolute()


def row() -> Matrix:
    """Encode the customer: (1, width) float32."""
    return CONTRACT.to_matrix({name: [value] for name, value in CONTRACT.example.items()})


def score() -> float:
    """Compute the customer's probability of churn."""
    return float(Scorer.of(_load()).score(row())[0])


@cache
def _load() -> Bundle:
    return bundle.load(Settings().models_dir, fingerprint=CONTRACT.fingerprint)
