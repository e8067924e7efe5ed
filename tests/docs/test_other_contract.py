"""A bank, with a field called `age` and two open categories: what claims to hold for any customers holds for these."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.bundles import pins
from tests.checkout import Clone

pytestmark = pytest.mark.slow

FEATURES = '''\
"""A customer of a bank."""

from typing import Annotated, Literal

from pydantic import Field

from models.customer import declaration


class CustomerFeatures(declaration.Features):
    """One customer on the day of the prediction."""

    geography: Literal["France", "Germany", "Spain"] = Field(description="Country.", examples=["France"])
    branch: Annotated[str, declaration.Category(max=100)] = Field(description="Office.", examples=["branch 0"])
    advisor: Annotated[str | None, declaration.Category(max=5, unseen="refused")] = Field(
        description="Who calls.", examples=["Ms 1"], default=None
    )
    age: int = Field(ge=18, le=110, description="Age.", examples=[25], json_schema_extra={"unit": "years"})
    balance: float | None = Field(ge=0, le=1_000_000, description="Balance.", examples=[0.5], default=None)
    products: Literal[1, 2, 3, 4] = Field(description="Products.", examples=[1])
    is_active: bool = Field(description="Whether they did something this year.", examples=[True])


CONTRACT = declaration.derive(CustomerFeatures)
'''
LIFECYCLE = "tests/service/serving/test_lifecycle.py"
HOLD_FOR_ANY = (
    "tests/models/customer",
    "tests/service/http/test_refusals.py",
    "tests/models/columns/test_column_mapping.py",
    f"{LIFECYCLE}::test_under_load_a_new_model_takes_over_without_a_failed_request[by SIGHUP]",
)
ASK = """
import json
from http.client import HTTPConnection
from pathlib import Path
from demo.running_service import running
from models.features import CONTRACT

def ask(path, body=None):
    connection.request("POST" if body else "GET", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read().decode()
    return {"status": answer.status, "answer": text.splitlines() if path == "/metrics" else json.loads(text)}

with running(Path("models"), Path("var/service.log"), SERVICE_LOG_URL="") as service:
    connection = HTTPConnection("127.0.0.1", service.port)
    new, wrong = CONTRACT.example | {"branch": "Atlantis"}, CONTRACT.example | {"advisor": "Ms 7"}
    print(json.dumps({
        "known": ask("/predict?explain=true", CONTRACT.example),
        "new": ask("/predict", new),
        "batch": ask("/predict/batch", {"customers": [CONTRACT.example, new, new]}),
        "wrong": ask("/predict", wrong),
        "wrong batch": ask("/predict/batch", {"customers": [CONTRACT.example, wrong]}),
        "wrong trial": ask("/predict/trial", {"customers": [wrong]}),
        "wrong twice": ask("/predict", wrong | {"age": -1}),
        "wrong twice in a batch": ask("/predict/batch", {"customers": [wrong, CONTRACT.example | {"age": -1}]}),
        "model": ask("/model"),
        "metrics": ask("/metrics"),
    }))
"""


def customers(rows: int, seed: int = 1) -> pd.DataFrame:
    """Draw customers of whom the young and active ones hardly ever leave, as the example does not."""
    draw = np.random.default_rng(seed)
    age, is_active = draw.integers(18, 90, rows), draw.random(rows) < 0.5
    branch = draw.choice(500, rows, p=(weights := 1 / np.arange(1, 501)) / weights.sum())
    log_odds = 0.15 * (age - 42) - 6 * is_active + 2 + np.where(branch % 2, 2, -2)
    return pd.DataFrame(
        {
            "geography": draw.choice(["France", "Germany", "Spain"], rows),
            "branch": [f"branch {number}" for number in branch],
            "advisor": draw.choice(np.array(["Ms 1", "Ms 2", "Mr 3", None]), rows),
            "age": age,
            "balance": np.where(draw.random(rows) < 0.2, np.nan, draw.uniform(0, 200_000, rows).round(2)),
            "products": draw.integers(1, 5, rows),
            "is_active": is_active,
            "churned": (draw.random(rows) < 1 / (1 + np.exp(-log_odds))).astype(int),
        }
    )


@pytest.fixture(scope="module")
def bank(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone for the bank, with a model of its customers."""
    folder = tmp_path_factory.mktemp("bank")
    clone = Clone.of(root, folder / "clone").folder
    (clone / "models" / "features.py").write_text(FEATURES)
    customers(2_000).to_csv(folder / "bank.csv", index=False)
    run(clone, "training", "fit", "--data", str(folder / "bank.csv"), "--pin")
    return clone


def run(clone: Path, *words: str, exit_code: int = 0) -> str:
    command = [sys.executable, "-m", *words] if words[0] != "-c" else [sys.executable, *words]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, done.stdout + done.stderr
    return done.stdout


def test_tests_for_any_customers_pass(bank: Path) -> None:
    told = run(bank, "pytest", "-q", "-p", "no:cacheprovider", "--basetemp=var/tests", *HOLD_FOR_ANY)
    assert LIFECYCLE not in told  # neither failed nor skipped


def test_a_level_never_seen_is_answered_and_counted_or_refused_as_declared(bank: Path) -> None:
    told = json.loads(run(bank, "-c", ASK))
    assert {name: found["status"] for name, found in told.items()} == {
        "known": 200,
        "new": 200,
        "batch": 200,
        "wrong": 422,
        "wrong batch": 422,
        "wrong trial": 422,
        "wrong twice": 422,
        "wrong twice in a batch": 422,
        "model": 200,
        "metrics": 200,
    }
    known, new, batch = (told[name]["answer"] for name in ("known", "new", "batch"))
    assert [row["churn_probability"] for row in batch["predictions"]] == [
        known["churn_probability"],
        new["churn_probability"],
        new["churn_probability"],
    ]
    assert known["explanation"]["contributions"]["branch"] != 0
    [single], [row], [trial] = (told[name]["answer"]["errors"] for name in ("wrong", "wrong batch", "wrong trial"))
    assert single == {"path": "advisor", "message": "Input should be 'Mr 3', 'Ms 1' or 'Ms 2'", "code": "literal_error"}
    assert (row["path"], trial["path"]) == ("customers.1.advisor", "customers.0.advisor")
    twice, apart = (told[name]["answer"] for name in ("wrong twice", "wrong twice in a batch"))
    assert [found["path"] for found in twice["errors"]] == ["advisor", "age"]
    assert twice["errors"][0] == single
    assert [found["path"] for found in apart["errors"]] == ["customers.0.advisor", "customers.1.age"]
    assert "names every problem" in twice["detail"]
    metrics = told["metrics"]["answer"]
    assert 'churn_unseen_levels_total{field="branch"} 3.0' in metrics
    assert 'churn_unseen_levels_total{field="advisor"} 0.0' in metrics
    assert 'churn_validation_failures_total{field="advisor"} 5.0' in metrics
    branch = next(feature for feature in told["model"]["answer"]["features"] if feature["name"] == "branch")
    assert len(branch["levels"]) == 100
    assert next(iter(branch["levels"])) == "branch 0"


def test_new_levels_are_drift_and_five_hundred_unchanged_ones_are_not(bank: Path) -> None:
    calm, new = bank.parent / "calm.csv", bank.parent / "new.csv"
    customers(3_000, seed=2).to_csv(calm, index=False)
    customers(3_000, seed=2).assign(branch=[f"branch {at % 900 + 400}" for at in range(3_000)]).to_csv(new, index=False)
    assert "no drift in" in run(bank, "monitoring", "drift", "--live", str(calm))
    told = run(bank, "monitoring", "drift", "--min-drift-share", "0.05", "--live", str(new), exit_code=1)
    assert "columns: branch (Jensen-Shannon distance" in told


def test_score_counts_levels_never_seen_and_shows_the_commonest(bank: Path) -> None:
    rows = customers(1_000, seed=3).drop(columns="churned")
    rows.loc[:59, "branch"], rows.loc[60:99, "branch"] = "Atlantis", "Avalon"
    rows.loc[:9, "advisor"] = "Ms 7"
    rows.to_csv(bank.parent / "rows.csv", index=False)
    told = run(bank, "training", "score", str(bank.parent / "rows.csv"), str(bank.parent / "scored.csv"))
    pinned = pins.read(bank / "models").version
    manifest = json.loads((bank / "models" / "store" / pinned / "manifest.json").read_text())
    known = set(manifest["levels"]["branch"])
    others = [branch for branch in rows["branch"][10:] if branch not in known]
    assert f"branch had a level never seen in training in {len(others)} rows, and was unknown there" in told
    assert '("Atlantis" 50, "Avalon" 40' in told
    assert "advisor had" not in told  # its levels are refused
    assert "advisor not 'Mr 3', 'Ms 1' or 'Ms 2': 10" in told
