"""What docs/make-it-yours.md shows works as described there: its commands, and its two files."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from demo.running_service import free_port
from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.customer.contract import Contract
from tests import checkout
from tests.e2e.commands import programs
from tests.waiting import wait_until
from training.data import datasets
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
    return blocks(page, language)[0]


def blocks(page: str, language: str) -> list[str]:
    found: list[str] = re.findall(rf"```{language}\n(.+?)```", page, re.DOTALL)
    return found


def test_its_columns_file_is_one_for_its_features(contract: Contract, columns: Path) -> None:
    read: ColumnMapping = column_mapping.read(columns, contract)
    assert read.target.positive == "Yes"
    assert read.features.keys() < set(contract.names)  # and one keeps its name, as the comment says


def test_its_section_csv_is_one(contract: Contract, guide: str, tmp_path: Path) -> None:
    _, style = blocks(guide, "toml")
    (tmp_path / "mine.toml").write_text(style)
    read: ColumnMapping = column_mapping.read(tmp_path / "mine.toml", contract)
    assert read.csv.plain_number("1.234,5") == "1234.5"
    assert read.csv.iso_time("01.02.2026") == "2026-02-01T00:00:00"


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


def export(folder: Path) -> None:
    """Write a table as a German spreadsheet does: semicolons, decimal commas, thousands, cp1252, dates, 500 shops."""
    draw, rows = np.random.default_rng(5), 1_200
    months, spend = draw.integers(1, 120, rows), draw.gamma(2, 900, rows).round(2)
    plan = draw.choice(["Jährlich", "Monatlich", "Zweijährig"], rows)
    log_odds = 1.5 * (plan == "Monatlich") - months / 30 + spend / 2_000 - 0.5
    left = draw.random(rows) < 1 / (1 + np.exp(-log_odds))
    start = pd.Timestamp("2026-06-01") - pd.to_timedelta(months * 30, unit="D")
    table = {
        "Kunden-Nr.": [f"K{number:06d}" for number in range(rows)],
        "Laufzeit (Monate)": months,
        "Umsatz in €": [f"{one:,.2f}".translate(str.maketrans(",.", ".,")) for one in spend],
        "Käufe": [f"{one:,}".replace(",", ".") for one in draw.integers(0, 5_000, rows)],
        "Vertragsart": plan,
        "Filiale": [f"Straße {at % 500}" for at in range(rows)],
        "Vertragsbeginn": start.strftime("%d.%m.%Y"),
        "Größe": draw.choice(["groß", "klein", ""], rows),
        "Gekündigt": np.where(left, "Ja", "Nein"),
    }
    pd.DataFrame(table).to_csv(folder / "customers.csv", sep=";", index=False, encoding="cp1252")


@pytest.fixture(scope="module")
def home(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a table of its own."""
    home = tmp_path_factory.mktemp("guide") / "mine"
    checkout.copy(root, home)
    checkout.lend_environment(home)
    export(home)
    return home


def predicted(port: int, customer: dict[str, Any]) -> float:
    body = json.dumps(customer).encode()
    asked = urllib.request.Request(  # our own address
        f"http://127.0.0.1:{port}/predict", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310  # as above
        return float(json.load(answer)["churn_probability"])


def refused(port: int, customer: dict[str, Any]) -> str:
    with pytest.raises(urllib.error.HTTPError) as caught:
        predicted(port, customer)
    with caught.value as answer:
        return answer.read().decode()


LIKELY = {
    "laufzeit_monate": 2,
    "umsatz_in": 6_000,
    "kaeufe": 9,
    "vertragsart": "Monatlich",
    "vertragsbeginn": 30,
    "filiale": "Straße 7",
    "groesse": None,
}
UNLIKELY = LIKELY | {"laufzeit_monate": 110, "vertragsbeginn": 3_270, "umsatz_in": 90.5, "vertragsart": "Jährlich"}


@pytest.mark.slow
def test_its_first_five_minutes_lead_to_a_served_model(guide: str, home: Path) -> None:
    section = guide.partition("## Five minutes\n")[2].partition("\n## ")[0]
    *lines, serve = "".join(blocks(section, "sh")).splitlines()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(programs.OURS)}
    environment = inherited | {"DO_NOT_TRACK": "true", "PYTHON": "false", "SERVICE_PORT": str(port := free_port())}
    told = ""
    for line in lines:
        command = ["bash", "-c", line]
        done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        told += done.stdout
    for word in (
        "'Ja' means churn",
        'delimiter = ";", encoding = "cp1252", decimal = ",", thousands = "."',
        'time = "%d.%m.%Y"',
        "vertragsbeginn: age in days 0 to 10,000",
        "filiale: open category",
        "1,200 of 1,200 rows fit.",
        "pinned: served within a second",
        "scored 1,200 of 1,200 customers",
        "no drift in ",
    ):
        assert word in told
    assert serve == "make serve"
    with subprocess.Popen(["bash", "-c", serve], cwd=home, env=environment, start_new_session=True) as it:
        try:
            wait_until(lambda: programs.fetched(f"http://127.0.0.1:{port}/health/ready"))
            assert predicted(port, UNLIKELY) < predicted(port, LIKELY) / 2
            assert "For a date, send the days from" in refused(port, LIKELY | {"vertragsbeginn": "2026-05-01"})
            assert predicted(port, LIKELY | {"filiale": "new"}) > 2 * predicted(port, UNLIKELY | {"filiale": "new"})
            counted = programs.fetched(f"http://127.0.0.1:{port}/metrics")
            assert 'churn_unseen_levels_total{field="filiale"} 2.0' in counted
        finally:
            os.killpg(it.pid, signal.SIGINT)  # as the terminal does
