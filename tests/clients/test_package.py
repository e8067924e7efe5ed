"""The client is a package of its own: it builds and installs without a network, and needs nothing of this project."""

import json
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from churn_client import Client, Outcome
from models.features import CONTRACT
from tests.clients.conftest import Served

USE = """
import json, sys
from importlib.metadata import metadata
import churn_client
from churn_client import Client, Customer
url, key, customer = sys.argv[1:]
with Client(url, key) as client:
    print(client.predict(Customer(**json.loads(customer))).risk_tier)
print(metadata("churn-client")["Version"])
print(churn_client.__file__)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"models", "service", "pydantic", "numpy"}))
"""
PAGES = ("README.md", "docs/serve.md", "clients/python/README.md")
EXAMPLE = re.compile(r"```python\n(from churn_client .+?)```", re.DOTALL)
REPORT = re.compile(r"```python\n(from datetime .+?)```", re.DOTALL)


@pytest.fixture(scope="module")
def declared(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "clients/python/pyproject.toml").read_text())


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--quiet", "--offline", "--wheel", "--out-dir", folder, root / "clients/python")
    [found] = folder.glob("*.whl")
    return found


def uv(*words: str | Path) -> None:
    done = subprocess.run([Path(sys.executable).with_name("uv"), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_works_in_an_environment_of_its_own(
    wheel: Path, declared: dict[str, Any], service: Served, tmp_path: Path
) -> None:
    uv("venv", "--quiet", "--offline", "--python", sys.executable, tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    uv("pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, wheel)
    [site] = (tmp_path / "venv").glob("lib/python*/site-packages")
    (site / "httpx2.pth").write_text(sysconfig.get_path("purelib"))  # the one package that it needs, without a network
    command: list[str | Path] = [python, "-I", "-c", USE, service.url, service.key, json.dumps(CONTRACT.example)]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    tier, version, path, foreign = told.stdout.splitlines()
    assert tier in {"low", "medium", "high"}
    assert version == declared["project"]["version"]
    assert Path(path).is_relative_to(site)
    assert foreign == "[]"


def test_the_wheel_says_what_it_is(wheel: Path, declared: dict[str, Any]) -> None:
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
        [text] = [files.read(name).decode() for name in names if name.endswith("/METADATA")]
    assert "churn_client/py.typed" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    for line in ("License-Expression: MIT", "Classifier: Typing :: Typed", "Requires-Python: >=3.11"):
        assert line in text
    assert "# churn-client" in text
    assert re.findall(r"^Requires-Dist: (.+)$", text, re.MULTILINE) == declared["project"]["dependencies"]


def test_it_needs_one_package_in_the_version_that_the_tests_have(declared: dict[str, Any]) -> None:
    [requirement] = declared["project"]["dependencies"]
    oldest = re.fullmatch(r"httpx2>=([\d.]+),<3", requirement)
    assert oldest
    assert httpx2.__version__.startswith(f"{oldest[1]}.")


@pytest.mark.shipped
@pytest.mark.parametrize("page", PAGES)
def test_the_example_of_a_page_runs(page: str, root: Path, service: Served, capsys: pytest.CaptureFixture[str]) -> None:
    [example] = EXAMPLE.findall((root / page).read_text())
    exec(example.replace("http://localhost:8000", service.url), {"KEY": service.key})  # noqa: S102  # our own page
    assert float(capsys.readouterr().out.split()[0]) == pytest.approx(0.9047, abs=1e-4)


def test_an_outcome_is_reported_as_on_the_page(root: Path, service: Served) -> None:
    with Client(service.url, key=service.key) as client:
        made = client.predict(CONTRACT.example)
    [example] = REPORT.findall((root / "clients/python/README.md").read_text())
    names = {"KEY": service.key, "PREDICTION_ID": made.prediction_id}
    exec(example.replace("http://localhost:8000", service.url), names)  # noqa: S102  # our own page
    with Client(service.url, key=service.key) as client:
        told = client.report_outcome(
            Outcome(prediction_id=made.prediction_id, churned=True, observed_at=datetime.now(UTC))
        )
    assert (told.prediction_id, told.churned) == (made.prediction_id, True)
    assert told.recorded_at < datetime.now(UTC)
