"""What tests of whole programs share."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from demo.populations import Population
from models.bundles import bundle, pins
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from tests import live_log


@pytest.fixture(scope="session")
def shelf(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pinned model, on a shelf in another place."""
    folder, version = tmp_path_factory.mktemp("shelf") / "models", pins.read(root / "models").version
    shutil.copytree(root / "models" / "store" / version, folder / "store" / version)
    (folder / "pinned.json").write_bytes((root / "models" / "pinned.json").read_bytes())
    return folder


@pytest.fixture(scope="session")
def keep(shelf: Path) -> Callable[..., list[str]]:
    """Write customers to a log as a service with the pinned model would have, from so many days ago to so many."""
    model = bundle.load(shelf, contract=CONTRACT)

    def keep(
        url: str,
        world: Population,
        rows: int,
        *,
        days_ago: float | tuple[float, float],
        seed: int = 1,
        known: bool = True,
    ) -> list[str]:
        customers = world.customers(rows, seed=seed)
        features = [customer.features for customer in customers]
        scores = Scorer.of(model).score(CONTRACT.to_matrix(pd.DataFrame(features))).tolist()
        first, last = days_ago if isinstance(days_ago, tuple) else (days_ago, days_ago)
        days = (first + (last - first) * number / rows for number in range(rows))
        made = [live_log.NOW - timedelta(days=number) for number in days]
        churned = [customer.churned for customer in customers]
        version, has_outcome = model.manifest.version, [known] * rows
        return live_log.add(
            url, features, churned, made, made, has_outcome=has_outcome, version=version, probability=scores
        )

    return keep
