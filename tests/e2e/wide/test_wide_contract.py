"""A contract of 300 fields works: fit, card, service, demo page, drift, review page, and tests for any customers."""

import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from matplotlib import image
from playwright.sync_api import Browser, Page, ViewportSize, expect
from starlette.applications import Starlette
from starlette.testclient import TestClient

from benchmarks.measuring import wide_table
from demo.running_service import free_port
from models.bundles import pins
from models.customer.contract import Contract
from monitoring.review_page.app import create_app
from monitoring.settings import DashboardSettings
from tests import checkout, shipped
from tests.e2e.commands import programs
from tests.e2e.commands.programs import Program
from tests.e2e.conftest import PATIENCE_MILLISECONDS
from tests.e2e.demo_page import chance
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.browser]
expect.set_options(timeout=PATIENCE_MILLISECONDS)

FIELDS, ROWS = 300, 1_500
FIT = """
from pathlib import Path
from training import pipeline
from training.learning import model
from training.settings import FitSettings

model.PARAMETERS |= {"n_estimators": 25, "max_depth": 3}  # small trees, because what is tested is not how good they are
pipeline.fit(FitSettings(data="customers.csv", columns=Path("columns.toml"), pin=True))
"""
HOLD_FOR_ANY = (
    "tests/models/customer/test_contract.py",
    "tests/models/bundles/test_scorer.py",
    "tests/models/columns/test_column_mapping.py",
    "tests/service/http/test_refusals.py",
)
NARROW: ViewportSize = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Wide:
    """A checkout whose contract has 300 fields, with a model that is pinned."""

    home: Path

    @property
    def model(self) -> Path:
        """The folder of its bundle."""
        return self.home / "models" / "store" / pins.read(self.home / "models").version

    @cached_property
    def contract(self) -> Contract:
        found: Contract = runpy.run_path(str(self.home / wide_table.FEATURES_PATH))["CONTRACT"]
        return found

    def customers(self, rows: int, *, seed: int) -> list[dict[str, Any]]:
        """Draw customers of the population that the model was trained on."""
        drawn = wide_table.customers(wide_table.fields(FIELDS), rows, seed=seed).drop(columns=["id", "left"])
        found: list[dict[str, Any]] = json.loads(drawn.to_json(orient="records"))
        return found


@dataclass(frozen=True)
class Service:
    """Its service."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: object = None, *, indent: int = 2) -> tuple[int, Any]:
        """Return status and JSON of an answer; the body is indented, as a person writes it."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=120)) as connection:
            sent = None if body is None else json.dumps(body, indent=indent).encode()
            connection.request("POST" if sent else "GET", path, sent, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def predict(self, customers: Sequence[dict[str, Any]]) -> list[float]:
        """Return the probabilities of a batch."""
        status, found = self.ask("/predict/batch", {"customers": customers})
        assert status == 200, found
        return [one["churn_probability"] for one in found["predictions"]]


@pytest.fixture(scope="module")
def wide(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Wide:
    home = tmp_path_factory.mktemp("wide") / "home"
    checkout.copy(root, home)
    checkout.lend_environment(home)
    wide_table.write(home, count=FIELDS, rows=ROWS)
    done = subprocess.run([sys.executable, "-c", FIT], cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Wide(home)


@pytest.fixture(scope="module")
def service(wide: Wide, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    log, service = tmp_path_factory.mktemp("service") / "service.log", Service(free_port())
    patient = {"SERVICE_MAX_TURN_SECONDS": "5"}  # a busy machine is not what is tested
    with Program("service", wide.home).started(log=log, SERVICE_PORT=str(service.port), **patient):
        wait_until(lambda: bool(programs.fetched(f"{service.url}/health/ready")), 60)
        yield service


def test_the_card_names_all_features_and_draws_the_most_important_ones(wide: Wide) -> None:
    card = (wide.model / "MODEL_CARD.md").read_text()
    assert all(f"| {name} |" in card for name in wide.contract.names)
    assert "The figure draws the 24 most important features, of 300. The table has all." in card
    assert (wide.model / "MODEL_CARD.html").stat().st_size < 2_000_000
    for figure in ("importance", "dependence", "slices"):
        height, width, _ = image.imread(wide.model / "figures" / f"{figure}.png").shape
        assert max(height, width) < 3_000  # pixels


def test_one_customer_and_a_batch_of_a_thousand_get_the_same_answers(wide: Wide, service: Service) -> None:
    customers = wide.customers(1_000, seed=3)
    batch = service.predict(customers)
    assert len(set(batch)) > 100
    for at, indent in ((0, 2), (999, 30)):  # the second takes more than the 16 KB that few fields may take
        status, found = service.ask("/predict", customers[at], indent=indent)
        assert (status, found["churn_probability"]) == (200, batch[at])


def test_a_customer_who_is_wrong_everywhere_is_told_the_first_hundred_problems(wide: Wide, service: Service) -> None:
    status, found = service.ask("/predict", dict.fromkeys(wide.contract.names, "many"))
    assert (status, len(found["errors"])) == (422, 100)
    assert "the first 100 of 300 problems" in found["detail"]


def test_the_api_documents_every_field(wide: Wide, service: Service) -> None:
    _, document = service.ask("/openapi.json")
    assert set(wide.contract.names) < document["components"]["schemas"]["Customer"]["properties"].keys()
    _, model = service.ask("/model")
    assert model["importance"].keys() == set(wide.contract.names)


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    page = browser.new_page(viewport=NARROW)
    page.goto(service.url)
    page.locator("#reasons li").first.wait_for()
    yield page
    page.close()


def shown(page: Page) -> list[str]:
    """Return the names of the fields that the form shows."""
    found: list[str] = page.locator(".field:visible").evaluate_all("found => found.map(one => one.dataset.name)")
    return found


def test_the_form_shows_what_the_model_uses_most_and_fits_a_phone(page: Page, service: Service) -> None:
    _, model = service.ask("/model")
    ranked = sorted(model["importance"], key=lambda name: -model["importance"][name]["gain"])
    assert shown(page) == ranked[:12]
    assert page.locator("#reasons li").count() == 21
    assert page.locator("#reasons li").last.inner_text().startswith("280 other fields together")
    assert page.locator("#columns code").count() == 24
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.get_by_role("button", name="Show all 300 fields").click()
    assert len(shown(page)) == FIELDS
    page.get_by_role("button", name="Show fewer fields").click()
    assert len(shown(page)) == 12


def test_a_field_is_found_and_changed_by_keyboard_and_the_answer_is_that_of_the_api(
    page: Page, wide: Wide, service: Service
) -> None:
    name = next(name for name in wide.contract.names if name not in shown(page) and "_amount_" in name)
    page.get_by_label("Find a field").focus()
    page.keyboard.type(name.replace("_", " "))
    expect(page.locator("#find-status")).to_have_text("1 of 300 fields match.")
    assert shown(page) == [name]
    page.keyboard.press("Enter")
    page.keyboard.press("Control+a")
    page.keyboard.type("1234.5")
    [expected] = service.predict([wide.contract.example | {name: 1_234.5}])
    expect(page.locator("#probability")).to_have_attribute("title", json.dumps(expected))
    assert page.locator("#probability").inner_text() == chance(expected)
    page.get_by_label("Find a field").fill("")
    assert shown(page)[-1] == name  # a changed field stays in sight
    page.get_by_role("button", name="Reset").click()
    assert name not in shown(page)


def test_other_customers_of_the_same_kind_are_calm_and_the_report_is_small(wide: Wide, tmp_path: Path) -> None:
    live = tmp_path / "live.csv"
    wide_table.customers(wide_table.fields(FIELDS), 600, seed=4).to_csv(live, index=False)
    done = Program("monitoring drift", wide.home).run("--live", live, "--output-dir", tmp_path)
    assert re.match(r"no drift in 3[56]\d columns", done.out)
    [report] = (tmp_path / "reports").glob("*.html")
    assert report.stat().st_size < 7_000_000
    assert "columns: the predictions, drifted columns, then the most important ones. 30" in report.read_text()
    record = json.loads(report.with_suffix(".json").read_text())
    assert {column["name"] for column in record["columns"]} > set(wide.contract.names)
    app = create_app(DashboardSettings(output_dir=tmp_path), evidently=Starlette(), evidently_page="/", project="")
    with TestClient(app, base_url="http://127.0.0.1") as client:
        text = client.get(f"/runs/{report.stem}").text
    assert "less important columns, none of them moved</summary>" in text
    first, _, folded = text.partition("<details>")
    assert (first.count('<th scope="row">'), folded.count('<th scope="row">')) == (24, len(record["columns"]) - 24)


def test_tests_that_hold_for_any_customers_pass(wide: Wide) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp=var/tests", *HOLD_FOR_ANY]
    tested = subprocess.run(command, cwd=wide.home, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    assert f": {shipped.REASON}" in tested.stdout
    assert "passed" in tested.stdout
