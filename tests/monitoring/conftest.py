"""What the monitoring tests share: customers, a shelf whose bundle remembers some, and the job run on others."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from onnx import TensorProto, helper

from models.bundles import bundle
from models.bundles.scorer import Scorer
from models.customer.contract import Contract
from models.features import CONTRACT
from models.log import log_tables, migrations
from monitoring import drift_job
from monitoring.drift.row_counts import PREDICTION
from monitoring.settings import DriftSettings
from tests import predictions
from tests.descriptions import describe, fill


def draw(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    tenure = rng.integers(0, 72, rows)
    monthly = rng.uniform(20, 120, rows).round(2)
    return pd.DataFrame(
        {
            "tenure_months": tenure,
            "monthly_charges": monthly,
            "total_charges": np.where(tenure == 0, np.nan, np.maximum(tenure, 1) * monthly).round(2),
            "support_tickets": rng.poisson(1, rows),
            "contract_type": rng.choice(3, rows, p=[0.5, 0.3, 0.2]),
        }
    )


WEIGHTS = {"tenure_months": -0.02, "monthly_charges": 0.02, "support_tickets": 0.4, "contract_type=2": -1.5}
"""Of the model of these tests, by matrix column; on all others nothing rests."""


def draw_graph(contract: Contract) -> bytes:
    """Make a logistic model of the weights, which takes what is unknown for zero; without any, all are alike."""
    weights = [WEIGHTS.get(name, 0.0) for name in contract.matrix_columns]
    nodes = [
        helper.make_node("IsNaN", ["input"], ["unknown"]),
        helper.make_node("Where", ["unknown", "zero", "input"], ["known"]),
        helper.make_node("MatMul", ["known", "weights"], ["log_odds"]),
        helper.make_node("Sigmoid", ["log_odds"], ["churns"]),
        helper.make_node("Sub", ["one", "churns"], ["stays"]),
        helper.make_node("Concat", ["stays", "churns"], ["probabilities"], axis=1),
    ]
    constants = [
        helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
        helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
        helper.make_tensor("weights", TensorProto.FLOAT, [len(weights), 1], weights),
    ]
    rows = helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, len(weights)])
    answers = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])
    graph = helper.make_graph(nodes, "logistic", [rows], [answers], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    serialized: bytes = model.SerializeToString()
    return serialized


def publish(shelf: Path, reference: pd.DataFrame, contract: Contract) -> Path:
    files = shelf / "files"
    files.mkdir(parents=True)
    (files / "model.onnx").write_bytes(draw_graph(contract))
    reference.to_parquet(files / "reference.parquet")
    pin = bundle.save(
        fill(files),
        describe(contract),
        contract=contract,
        trained_at=datetime(2026, 3, 1, tzinfo=UTC),
        models_dir=shelf,
    )
    bundle.pin(pin, models_dir=shelf)
    return shelf


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    code: int
    said: str
    record: dict[str, Any]
    page: Path

    @property
    def drifted(self) -> set[str]:
        """Of the inputs."""
        return {column["name"] for column in self.record["columns"] if column["drifted"]} - {PREDICTION}

    @property
    def predictions(self) -> dict[str, Any]:
        [column] = [column for column in self.record["columns"] if column["name"] == PREDICTION]
        found: dict[str, Any] = column
        return found


@pytest.fixture
def customers() -> Callable[[int, int], pd.DataFrame]:
    """Draw so many customers of one population with a seed."""
    return draw


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A models folder whose pinned bundle remembers 3,000 customers."""
    return publish(tmp_path / "models", draw(3_000, seed=1), CONTRACT)


@pytest.fixture
def publish_reference(tmp_path: Path) -> Callable[[pd.DataFrame, Contract], Path]:
    """Make a models folder whose pinned bundle remembers these rows."""
    return lambda reference, contract: publish(tmp_path / "other", reference, contract)


Log = Callable[..., None]


@pytest.fixture
def log_url(tmp_path: Path) -> str:
    """The address of a log that is not there yet."""
    return f"sqlite:///{tmp_path / 'predictions.db'}"


@pytest.fixture
def keep(log_url: str, shelf: Path) -> Log:
    """Write customers to the log, as the service would with the pinned model an hour ago, and make it if need be."""

    def keep(
        customers: pd.DataFrame,
        *,
        version: str | None = None,
        at: datetime | None = None,
        inputs: bool = True,
        digests: Sequence[str | None] | None = None,
        url: str = log_url,
    ) -> None:
        at = at or datetime.now(UTC) - timedelta(hours=1)
        pinned = bundle.load(shelf, contract=CONTRACT)
        probabilities = Scorer.of(pinned).score(CONTRACT.to_matrix(customers))
        rows = json.loads(customers.to_json(orient="records"))
        made_by: dict[str, Any] = {"version": version or pinned.manifest.version, "policy": pinned.manifest.policy}
        values = [
            predictions.row(row if inputs else None, probability, at=at, **made_by)
            for row, probability in zip(rows, probabilities.tolist(), strict=True)
        ]
        if digests is not None:
            values = [one | {"customer_digest": digest} for one, digest in zip(values, digests, strict=True)]
        engine = log_tables.connect(url, create=True)
        migrations.upgrade(engine)
        with engine.begin() as connection:
            connection.execute(sa.insert(log_tables.PREDICTIONS), values)
        engine.dispose()

    return keep


@pytest.fixture
def judge(shelf: Path, log_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the job over a table, a file, or the log."""

    def judge(live: pd.DataFrame | Path | None = None, *, contract: Contract = CONTRACT, **settings: Any) -> Outcome:
        path = tmp_path / "live.parquet" if isinstance(live, pd.DataFrame) else live
        if isinstance(live, pd.DataFrame):
            live.to_parquet(path)
        chosen = {"live": path, "log_url": log_url, "models_dir": shelf, "output_dir": tmp_path / "var"} | settings
        code = drift_job.run_drift(DriftSettings.model_validate(chosen), contract)
        written = max((tmp_path / "var" / "reports").glob("*.json"), default=None)
        record = json.loads(written.read_text()) if written else {}
        page = written.with_suffix(".html") if written else tmp_path / "none.html"
        return Outcome(code, capsys.readouterr().out, record, page)

    return judge
