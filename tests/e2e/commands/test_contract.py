"""Every option of `python -m training contract`, each run once as a user runs it, with what it changes."""

import shutil
import sqlite3
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.bundles import pins
from tests.e2e.commands.programs import Program, require_all, unused
from training.contracts.command import COMMANDS

pytestmark = pytest.mark.slow

ROWS = 300


@pytest.fixture(scope="module")
def contract(root: Path) -> Program:
    return Program("training contract", root)


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    draw = np.random.default_rng(1)
    left, again = draw.random(ROWS) < 0.3, draw.random(ROWS) < 0.5
    return pd.DataFrame({"Seats": draw.integers(1, 60, ROWS), "Exited": left.astype(int), "Renewed": again.astype(int)})


def drafted(folder: Path) -> dict[str, object]:
    return tomllib.loads((folder / "columns.toml").read_text())


def test_a_draft_of_a_file_goes_where_it_was_told_and_names_what_comes_next(
    contract: Program, customers: pd.DataFrame, tmp_path: Path
) -> None:
    customers.to_csv(tmp_path / "mine.csv", sep=";", index=False)
    (tmp_path / "given.toml").write_text('never_features = ["Exited"]\n')
    told = contract.run(
        *("draft", tmp_path / "mine.csv", "--output-dir", tmp_path / "mine"),
        *("--target", "Renewed", "--columns", tmp_path / "given.toml"),
    ).out
    assert drafted(tmp_path / "mine") == {
        "never_features": ["Exited"],
        "target": {"column": "Renewed", "positive": 1},
        "features": {"seats": {"column": "Seats"}},
        "csv": {"delimiter": ";"},
    }
    assert f"cp {tmp_path}/mine/features.py models/features.py" in told
    assert f"make train DATA={tmp_path}/mine.csv COLUMNS=training/columns/mine.toml" in told


def test_a_draft_of_a_query_names_the_fit_that_comes_next(
    contract: Program, customers: pd.DataFrame, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        customers.to_sql("customers", connection)
    connection.close()
    query = ("--query", "select Seats, Exited from customers")
    told = contract.run("draft", f"sqlite:///{tmp_path / 'crm.db'}", *query, cwd=tmp_path).out
    assert drafted(tmp_path / "var" / "draft")["target"] == {"column": "Exited", "positive": 1}
    assert "-m training fit --data URL --query SQL --columns training/columns/mine.toml" in told


def test_what_cannot_be_drafted_ends_with_2_and_one_line(contract: Program, tmp_path: Path) -> None:
    done = contract.run("draft", tmp_path / "none.csv", exit_code=2)
    assert (done.out, done.err.count("\n")) == ("", 1)
    assert "none.csv: no such file. Check the path." in done.err


def test_a_contract_without_changes_is_that_of_the_model(contract: Program, root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "models" / "store", tmp_path / "store")
    version = pins.read(root / "models").version
    told = contract.run("diff", "--models-dir", tmp_path, "--against", version[:12]).out
    assert told == f"no changes: {version} was trained with this contract\n"


def test_another_model_cannot_be_told(contract: Program, tmp_path: Path) -> None:
    done = contract.run("diff", "--models-dir", tmp_path, exit_code=2)
    assert "pinned.json: no model is pinned" in done.err


def test_every_option_was_run(request: pytest.FixtureRequest, contract: Program) -> None:
    require_all(request)
    assert unused({name: kind for name, (_, kind, _) in COMMANDS.items()}, contract.lines) == []
