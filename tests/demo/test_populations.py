"""The model predicts well in the calm population, and badly in the shifted one."""

from pathlib import Path

import pytest
from sklearn.metrics import roc_auc_score

from demo.populations import CALM, SHIFTED, Population
from models.bundles import bundle
from models.bundles.scorer import Scorer
from models.features import CONTRACT, CustomerFeatures


@pytest.mark.shipped_model
@pytest.mark.parametrize(("world", "low", "high"), [(CALM, 0.82, 0.88), (SHIFTED, 0.60, 0.72)])
def test_the_pinned_model_ranks_the_calm_world_and_loses_its_way_in_the_other(
    world: Population, low: float, high: float, root: Path
) -> None:
    scorer = Scorer.of(bundle.load(root / "models", contract=CONTRACT))
    customers = world.customers(5_000, seed=3)
    matrix = CONTRACT.encode_rows([CustomerFeatures(**customer.features) for customer in customers])
    assert low < roc_auc_score([customer.churned for customer in customers], scorer.score(matrix)) < high


def test_a_seed_gives_the_same_customers_and_another_does_not() -> None:
    assert CALM.customers(50, seed=1) == CALM.customers(50, seed=1) != CALM.customers(50, seed=2)
