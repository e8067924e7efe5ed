"""Tests that claim to hold for any customers hold for those of a bank, with a field called `age`."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.checkout import Clone

pytestmark = pytest.mark.slow

FEATURES = '''\
"""A customer of a bank."""

from typing import Literal

from pydantic import Field

from models.customer import declaration


class CustomerFeatures(declaration.Features):
    """One customer on the day of the prediction."""

    geography: Literal["France", "Germany", "Spain"] = Field(description="Country.", examples=["France"])
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


def customers(rows: int) -> pd.DataFrame:
    """Draw customers of whom the young and active ones hardly ever leave, as the example does not."""
    draw = np.random.default_rng(1)
    age, is_active = draw.integers(18, 90, rows), draw.random(rows) < 0.5
    log_odds = 0.15 * (age - 42) - 6 * is_active + 2
    return pd.DataFrame(
        {
            "geography": draw.choice(["France", "Germany", "Spain"], rows),
            "age": age,
            "balance": np.where(draw.random(rows) < 0.2, np.nan, draw.uniform(0, 200_000, rows).round(2)),
            "products": draw.integers(1, 5, rows),
            "is_active": is_active,
            "churned": (draw.random(rows) < 1 / (1 + np.exp(-log_odds))).astype(int),
        }
    )


def test_tests_for_any_customers_pass(root: Path, tmp_path: Path) -> None:
    clone = Clone.of(root, tmp_path / "clone")
    (clone.folder / "models" / "features.py").write_text(FEATURES)
    customers(2_000).to_csv(tmp_path / "bank.csv", index=False)

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=clone.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("training", "fit", "--data", str(tmp_path / "bank.csv"), "--pin")
    told = run("pytest", "-q", "-p", "no:cacheprovider", *HOLD_FOR_ANY)
    assert LIFECYCLE not in told  # neither failed nor skipped
