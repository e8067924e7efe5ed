"""The tour: each cell of the notebook runs, and the outputs in git are those of the model in git."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from models.customer import checks
from models.customer.contract import Contract

Cells = list[dict[str, Any]]


def cells_of(path: Path) -> Cells:
    cells: Cells = json.loads(path.read_text())["cells"]
    return cells


def outputs(cells: Cells) -> list[str]:
    """The outputs of each cell, without what another processor may change in its last digit."""
    return [re.sub(r"(\d\.\d)\d+", r"\1", re.sub(" +", " ", json.dumps(cell.get("outputs")))) for cell in cells]


@pytest.fixture(scope="module")
def ran(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the notebook that was run where Jupyter would, in its folder."""
    copy = tmp_path_factory.mktemp("tour") / "tour.ipynb"
    shutil.copy(root / "docs" / "tour.ipynb", copy)
    command = [sys.executable, "run_notebook.py", str(copy)]
    done = subprocess.run(command, cwd=root / "docs", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return copy


@pytest.mark.shipped_model
@pytest.mark.shipped
def test_the_outputs_in_git_are_what_the_cells_say(root: Path, ran: Path) -> None:
    assert outputs(cells_of(root / "docs" / "tour.ipynb")) == outputs(cells_of(ran)), "`make tour` writes them anew"


def test_it_goes_from_the_contract_to_drift(ran: Path) -> None:
    code = [cell for cell in cells_of(ran) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    printed = {cell["id"]: "".join("".join(made.get("text", [])) for made in cell["outputs"]) for cell in code}
    assert " risk\n" in printed["score"]
    assert 1 <= printed["contributions"].count(" the risk\n") <= 3
    assert printed["judge"] == "no drift\n"
    assert printed["shifted"].endswith("\ndrift\n")


@pytest.mark.parametrize("field", [0, 2, 4, 5])
def test_its_first_section_breaks_a_rule_of_any_contract(root: Path, second_contract: Contract, field: int) -> None:
    feature = second_contract.features[field]
    limits = {limit: bound - 1_000 for limit, bound in feature.limits.items()}
    example = min(limits.values()) + 1 if limits else feature.example
    contract = Contract((replace(feature, limits=limits, example=example),))
    [source] = [cell["source"] for cell in cells_of(root / "docs" / "tour.ipynb") if cell["id"] == "refused"]
    names = {"CONTRACT": contract, "checks": checks, "pd": pd}
    exec("".join(source[:-1]), names)  # noqa: S102  # our own page
    assert [False, True] in eval(source[-1], names).values()  # noqa: S307  # likewise


def test_it_is_a_notebook_of_the_present_format_with_links_that_lead_somewhere(root: Path) -> None:
    path = root / "docs" / "tour.ipynb"
    notebook = json.loads(path.read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(ids) == len(set(ids))
    text = "".join(line for cell in notebook["cells"] if cell["cell_type"] == "markdown" for line in cell["source"])
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 3
    assert [link for link in links if not (path.parent / link).is_file()] == []


def test_an_error_in_a_cell_is_shown_and_the_notebook_stays(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": ["1 / 0"]}]}))
    before = path.read_text()
    command = [sys.executable, str(root / "docs" / "run_notebook.py"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "<cell 1>" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert path.read_text() == before
