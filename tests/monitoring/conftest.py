"""What the monitoring tests share: customers, a shelf whose bundle remembers some, and the job run on others."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models import bundle
from models.contract import Contract
from models.features import CONTRACT
from models.manifest import Confusion, Description, Provenance
from models.risk import RiskPolicy
from monitoring import job
from monitoring.settings import Settings


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


def publish(shelf: Path, reference: pd.DataFrame, contract: Contract) -> Path:
    files = shelf / "files"
    files.mkdir(parents=True)
    (files / "model.onnx").write_bytes(b"the drift job never opens the model")
    reference.to_parquet(files / "reference.parquet")
    description = Description(
        fingerprint=contract.fingerprint,
        features=[feature.schema() for feature in contract.features],
        data=Provenance(source="test", query=None, rows=len(reference), rejected_rows=0, sha256="0" * 64),
        policy=RiskPolicy(),
        metrics={"roc_auc": 0.8},
        intervals={},
        confusion=Confusion(true_negatives=1, false_positives=1, false_negatives=1, true_positives=1),
        cross_validation={},
        parameters={},
        parity_difference=0.0,
        libraries={},
    )
    pin = bundle.save(files, description, trained_at=datetime(2026, 3, 1, tzinfo=UTC), models_dir=shelf)
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
        return {column["name"] for column in self.record["columns"] if column["drifted"]}


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


@pytest.fixture
def judge(shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the job over a table or a file."""

    def judge(live: pd.DataFrame | Path | None, *, contract: Contract = CONTRACT, **settings: Any) -> Outcome:
        path = tmp_path / "live.parquet" if isinstance(live, pd.DataFrame) else live
        if isinstance(live, pd.DataFrame):
            live.to_parquet(path)
        chosen = {"live": path, "models_dir": shelf, "output_dir": tmp_path / "var"} | settings
        code = job.run_drift(Settings.model_validate(chosen), contract)
        written = max((tmp_path / "var" / "reports").glob("*.json"), default=None)
        record = json.loads(written.read_text()) if written else {}
        page = written.with_suffix(".html") if written else tmp_path / "none.html"
        return Outcome(code, capsys.readouterr().out, record, page)

    return judge
