"""The demo as a person runs it: it ends with 0, prints its results, and leaves no process behind."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from demo import synthetic_customers
from models.customer import checks
from models.features import CONTRACT


def test_calm_and_shifted_customers_hold_to_the_contract() -> None:
    assert checks.find_violations(CONTRACT, synthetic_customers.calm(5_000, seed=1)) == {}
    assert checks.find_violations(CONTRACT, synthetic_customers.shifted(5_000, seed=1)) == {}


def test_only_the_named_columns_shift() -> None:
    calm, shifted = synthetic_customers.calm(5_000, seed=1), synthetic_customers.shifted(5_000, seed=1)
    for name in synthetic_customers.SHIFTED_COLUMNS:
        assert abs(shifted[name].mean() - calm[name].mean()) > 0.25 * calm[name].std()
    for name in ("tenure_months", "total_charges", "support_tickets"):
        assert abs(shifted[name].mean() - calm[name].mean()) < 0.05 * calm[name].std()


@pytest.mark.slow
def test_the_demo_plays_the_whole_loop(root: Path, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(root)}
    with subprocess.Popen(
        [sys.executable, "-m", "demo"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as demo:
        told, _ = demo.communicate(timeout=300)
        assert demo.returncode == 0, told
        with pytest.raises(ProcessLookupError):
            os.killpg(demo.pid, 0)  # nobody of its session is left
    assert "(pinned: served within a second)" in told
    assert "1,000 calm customers:" in told
    assert "no drift in 7 columns; 1,000 live rows" in told
    assert "as good as promised: " in told
    drifted = re.findall(r"(\w+) \([A-Z]", re.search(r"^drift in 3 of 7 columns: .*", told, re.MULTILINE)[0])  # type: ignore[index]
    assert set(drifted) == {*synthetic_customers.SHIFTED_COLUMNS, "churn_probability"}
    assert "quality fallen: ROC-AUC worse by" in told
    for place in ("http://localhost:8000/docs", "make mlflow", "var/reports/"):
        assert place in told
    records = [json.loads(path.read_text()) for path in sorted((tmp_path / "var" / "reports").glob("*.json"))]
    assert [record["exit_code"] for record in records] == [0, 0, 1, 1]
    assert (tmp_path / "var" / "demo" / "mlflow.db").exists()
    assert (tmp_path / "var" / "demo" / "models" / "pinned.json").exists()
