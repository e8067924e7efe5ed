"""The demo as a person runs it: it ends with 0, prints its results on one screen, and leaves no process."""

import json
import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo import scenario, synthetic_customers
from demo.settings import DemoSettings
from demo.summary import WIDTH
from models.customer import checks
from models.features import CONTRACT
from tests import svg

DEMO_COMMANDS = re.compile(r"^\.venv/bin/python -m monitoring (?:.+\\\n)*.*var/demo.*$", re.MULTILINE)
"""The commands of docs/watch.md over the demo's log."""


def test_calm_and_shifted_customers_hold_to_the_contract() -> None:
    assert checks.find_violations(CONTRACT, synthetic_customers.calm(5_000, seed=1)) == {}
    assert checks.find_violations(CONTRACT, synthetic_customers.shifted(5_000, seed=1)) == {}


def test_only_the_named_columns_shift() -> None:
    calm, shifted = synthetic_customers.calm(5_000, seed=1), synthetic_customers.shifted(5_000, seed=1)
    for name in synthetic_customers.SHIFTED_COLUMNS:
        assert abs(shifted[name].mean() - calm[name].mean()) > 0.25 * calm[name].std()
    for name in ("tenure_months", "total_charges", "support_tickets"):
        assert abs(shifted[name].mean() - calm[name].mean()) < 0.05 * calm[name].std()


@dataclass(frozen=True)
class Played:
    """What a run of the demo left."""

    folder: Path
    told: str

    @property
    def words(self) -> str:
        """What was told, without line breaks."""
        return " ".join(self.told.split())


@pytest.fixture(scope="module")
def played(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("demo")
    with subprocess.Popen(
        [sys.executable, "-m", "demo"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as demo:
        told, errors = demo.communicate(timeout=300)
        assert demo.returncode == 0, told + errors
        with pytest.raises(ProcessLookupError):
            os.killpg(demo.pid, 0)  # nobody of its session is left
    return Played(folder, told)


@pytest.mark.slow
def test_the_demo_plays_the_whole_loop(played: Played) -> None:
    told, var = played.words, played.folder / "var"
    assert "no drift in 7 columns; 1,000 live rows" in told
    assert "as good as promised: " in told
    drifted = re.findall(r"(\w+) \([A-Z]", re.search(r" drift in 3 of 7 columns: .* importance", told)[0])  # type: ignore[index]
    assert set(drifted) == {*synthetic_customers.SHIFTED_COLUMNS, "churn_probability"}
    assert "quality fallen: ROC-AUC worse by" in told
    places = ("http://localhost:8000", "make mlflow", "var/demo/reports/", "var/demo/output.txt")
    for place in (*places, "MONITORING_OUTPUT_DIR=var/demo make dashboard"):
        assert place in told
    records = [json.loads(path.read_text()) for path in sorted((var / "demo" / "reports").glob("*.json"))]
    assert [record["exit_code"] for record in records] == [0, 0, 1, 1]
    mixed = [name for name in ("reports", "workspace", "predictions.db") if (var / name).exists()]
    assert mixed == []  # with those of the real service
    assert list((var / "demo" / "workspace").glob("*/snapshots/*.json"))
    assert (var / "demo" / "mlflow.db").exists()
    assert (var / "demo" / "models" / "pinned.json").exists()


@pytest.mark.slow
def test_the_commands_of_the_page_about_watching_work_after_it(root: Path, played: Played) -> None:
    commands = DEMO_COMMANDS.findall((root / "docs" / "watch.md").read_text())
    assert len(commands) == 2
    environment = os.environ | {"PYTHONPATH": str(root)}
    for command in commands:
        run = shlex.split(command.replace("\\\n", " ").replace(".venv/bin/python", sys.executable))
        done = subprocess.run(run, cwd=played.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stdout + done.stderr
        assert re.search("^(drift in 3 of 7 columns|quality fallen): ", done.stdout)


def test_its_address_of_mlflow_is_that_of_the_page_about_training(root: Path) -> None:
    told = scenario.where_to_look(DemoSettings())
    [address] = re.findall(r"http://localhost:5001/\S+", told)
    assert address.endswith("/runs?workflowType=machine_learning")
    assert f"{address}. " in (root / "docs" / "train.md").read_text()
    assert max(map(len, told.splitlines())) <= WIDTH


@pytest.mark.slow
def test_its_output_fits_on_one_screen_and_all_that_the_programs_say_is_kept(played: Played) -> None:
    lines = played.told.splitlines()
    assert len(lines) < 40  # one is left for the prompt
    assert max(map(len, lines)) <= WIDTH
    assert [line.split()[0] for line in lines if "(0." in line].count("recall") == 1  # one table
    kept = (played.folder / "var" / "demo" / "output.txt").read_text()
    assert (
        len(re.findall(r"^\$ python -m (?:training fit|monitoring drift|monitoring performance) ", kept, re.MULTILINE))
        == 5
    )
    assert "(pinned: served within a second)" in kept
    assert len(re.findall(r"^ROC-AUC  ", kept, re.MULTILINE)) == 2


@pytest.mark.slow
@pytest.mark.shipped_model
def test_readme_shows_its_table(root: Path, played: Played) -> None:
    shown = re.search(r"```text\n(.+?)```", (root / "README.md").read_text(), re.DOTALL)
    assert shown is not None
    assert len(shown[1].splitlines()) == 6  # the table, below its heading
    told = {without_figures(line) for line in played.told.splitlines()}
    assert [line for line in shown[1].splitlines() if without_figures(line) not in told] == []


@pytest.mark.slow
@pytest.mark.shipped_model
def test_the_picture_ends_with_the_same_screen(root: Path, played: Played) -> None:
    path = root / "docs" / "demo.svg"
    picture = ET.parse(path).getroot()  # noqa: S314  # our own
    command, *lines = svg.last_screen(picture)
    assert command == "$ make demo"
    told = [without_figures(line) for line in played.told.splitlines() if line]
    assert [without_figures(line) for line in lines] == told, "`make record` draws it anew"
    assert path.stat().st_size < 300_000


def without_figures(line: str) -> str:
    """Leave out the day, the seconds, and what another processor may change in its last digit."""
    return re.sub(r"(?<=\.)\d+|(?<=Done in )\d+|\b\d{8}-\w{32}\b", "", line)
