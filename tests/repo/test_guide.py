"""The two files shown in docs/make-it-yours.md work as described there."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models.customer.contract import Contract
from training.data import column_mapping, datasets
from training.data.column_mapping import ColumnMapping
from training.settings import FitSettings


@pytest.fixture(scope="module")
def guide(root: Path) -> str:
    return (root / "docs" / "make-it-yours.md").read_text()


@pytest.fixture(scope="module")
def contract(guide: str) -> Contract:
    namespace: dict[str, Any] = {}
    exec(block(guide, "python"), namespace)  # noqa: S102  # our own page
    found: Contract = namespace["CONTRACT"]
    return found


@pytest.fixture
def columns(guide: str, tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(block(guide, "toml"))
    return path


def block(page: str, language: str) -> str:
    [code] = re.findall(rf"```{language}\n(.+?)```", page, re.DOTALL)
    return str(code)


def test_its_columns_file_is_one_for_its_features(contract: Contract, columns: Path) -> None:
    read: ColumnMapping = column_mapping.read(columns, contract)
    assert read.target.positive == "Yes"
    assert read.features.keys() < set(contract.names)  # and one keeps its name, as the comment says


def test_its_features_pass_make_lint(guide: str, root: Path) -> None:
    ruff, source = str(Path(sys.executable).with_name("ruff")), block(guide, "python")
    for words in (("check", "--quiet"), ("format", "--check")):
        command = [ruff, *words, "--stdin-filename", "models/features.py", "-"]
        done = subprocess.run(command, cwd=root, input=source, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_kind_of_field_in_its_table_is_shown(contract: Contract) -> None:
    assert {feature.kind for feature in contract.features} == {"category", "boolean", "integer", "number"}
    assert any(feature.nullable for feature in contract.features)
    assert all(feature.description for feature in contract.features)


def test_both_together_read_the_table_that_it_speaks_of(contract: Contract, columns: Path, telco: Path) -> None:
    table = telco.with_name("telco.csv")
    dataset = datasets.load(FitSettings(data=str(table), columns=columns), contract)
    assert (dataset.provenance.rows, dataset.provenance.rejected_rows) == (7_043, 0)
