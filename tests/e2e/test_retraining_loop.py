"""From answers to a better model: changed customers are predicted and reported over HTTP, and a fit learns of them."""

from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from demo.client import Client
from demo.populations import SHIFTED
from demo.running_service import running
from models.bundles import bundle
from models.bundles.bundle import Bundle
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from training import __main__ as program

ROUNDS, CUSTOMERS = 8, 300


def roc_auc(model: Bundle) -> float:
    fresh = SHIFTED.customers(4_000, seed=99)
    table = pd.DataFrame([customer.features for customer in fresh])
    scores = Scorer.of(model).score(CONTRACT.to_matrix(table))
    return float(roc_auc_score([customer.churned for customer in fresh], scores))


@pytest.mark.shipped_model
@pytest.mark.slow
def test_a_fit_on_the_services_own_log_knows_changed_customers_better(root: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'predictions.db'}"
    variables = {"SERVICE_LOG_URL": url, "SERVICE_OUTPUT_DIR": str(tmp_path / "service")}
    with (
        running(root / "models", tmp_path / "service.log", **variables) as service,
        closing(Client(service.url)) as client,
    ):
        for number in range(ROUNDS):
            customers = SHIFTED.customers(CUSTOMERS, seed=number)
            ids = [client.predict(customer.features)["prediction_id"] for customer in customers]
            churned = [customer.churned for customer in customers]
            client.report(dict(zip(ids, churned, strict=True)), patience_seconds=300)
    folders = ["--models-dir", str(tmp_path / "models"), "--output-dir", str(tmp_path / "var")]
    tracking = ["--tracking-uri", f"sqlite:///{tmp_path / 'mlflow.db'}"]
    assert program.main(["fit", "--data", "live", "--since", "1d", "--log-url", url, *folders, *tracking]) == 0
    stale, retrained = (bundle.load(folder, contract=CONTRACT) for folder in (root / "models", tmp_path / "models"))
    known = retrained.manifest.data.live
    assert known is not None
    assert (known.rows, known.predictions, known.outcomes) == (ROUNDS * CUSTOMERS,) * 3
    assert known.models == {stale.manifest.version: ROUNDS * CUSTOMERS}
    assert known.left_out_rows < CUSTOMERS  # of the round that the first who is judged was in
    assert roc_auc(retrained) > roc_auc(stale) + 0.05
