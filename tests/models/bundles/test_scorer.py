"""The scorer opens the pinned graph and gives one probability a row."""

from pathlib import Path

import numpy as np
import pytest

from models import errors
from models.bundles import bundle
from models.bundles.calibration import Calibration
from models.bundles.risk import RiskPolicy
from models.bundles.scorer import Scorer
from models.features import CONTRACT


@pytest.fixture(scope="module")
def scorer(root: Path) -> Scorer:
    return Scorer.of(bundle.load(root / "models", contract=CONTRACT))


def matrix(**changes: object) -> np.ndarray:
    return CONTRACT.to_matrix({name: [value] for name, value in (CONTRACT.example | changes).items()})


def test_each_row_gets_its_own_probability(scorer: Scorer) -> None:
    rows = np.vstack(
        [matrix(), matrix(contract_type=2, tenure_months=60, support_tickets=0), matrix(total_charges=None)]
    )
    together = scorer.score(rows)
    assert together.shape == (3,)
    assert ((together > 0) & (together < 1)).all()
    np.testing.assert_array_equal(together, [scorer.score(row[np.newaxis])[0] for row in rows])


@pytest.mark.shipped_model
def test_a_new_unhappy_customer_is_riskier_than_an_old_bound_one(scorer: Scorer) -> None:
    risky = scorer.score(matrix(tenure_months=1, support_tickets=5))[0]
    safe = scorer.score(matrix(tenure_months=70, total_charges=6000.0, support_tickets=0, contract_type=2))[0]
    assert risky > 0.7
    assert safe < 0.1


def test_a_file_that_is_no_graph_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(errors.GraphUnreadable, match=r"model\.onnx"):
        Scorer(tmp_path / "model.onnx", version="v", policy=RiskPolicy(), calibration=Calibration())
