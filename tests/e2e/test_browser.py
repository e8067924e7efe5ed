"""The pages as a person sees them, in a real browser: the API answers, report and dashboard say what was found."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect

from demo import synthetic_customers
from demo.populations import SHIFTED
from demo.running_service import free_port, running
from models.bundles import bundle, pins
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from models.log import log_tables, migrations
from monitoring.drift_job import run_drift
from monitoring.performance_job import run_performance
from monitoring.review import run_review
from monitoring.runs import run_store
from monitoring.settings import DriftSettings, PerformanceSettings, ReviewSettings
from service.access import keys_file
from tests import predictions

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_prediction_is_made_on_the_page_of_the_api(page: Page, root: Path, tmp_path: Path) -> None:
    with running(root / "models", tmp_path / "service.log") as service:
        page.emulate_media(color_scheme="dark")
        page.goto(f"http://127.0.0.1:{service.port}/docs")
        expect(page.locator("html")).to_have_class("dark-mode")
        page.emulate_media(color_scheme="light")
        expect(page.locator("html")).not_to_have_class("dark-mode")
        page.click("#operations-predictions-predict .opblock-summary-control")
        page.click("button:has-text('Try it out')")
        page.click("button:has-text('Execute')")
        answer = json.loads(page.inner_text(".live-responses-table .microlight >> nth=0"))
    assert answer["model_version"] == pins.read(root / "models").version
    assert 0 < answer["churn_probability"] < 1


def test_a_key_is_entered_on_the_page_of_the_api_and_its_policy_stops_nothing_of_it(
    page: Page, root: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    key = keys_file.add(tmp_path / "keys.toml", "person", ["predict"], None)
    keys = {"SERVICE_KEYS_FILE": str(tmp_path / "keys.toml"), "SERVICE_LOG_URL": ""}
    with running(root / "models", tmp_path / "service.log", **keys) as service:
        page.goto(f"http://127.0.0.1:{service.port}/docs")
        assert said == []
        operation = page.locator("#operations-predictions-predict")
        operation.get_by_role("button").first.click()
        operation.get_by_role("button", name="Try it out").click()
        operation.get_by_role("button", name="Execute").click()
        assert operation.locator(".live-responses-table tbody .response-col_status").inner_text().startswith("401")
        page.locator(".auth-wrapper .authorize").first.click()
        dialog = page.locator(".dialog-ux")
        dialog.get_by_role("textbox").first.fill(key)
        dialog.get_by_role("button", name="Apply credentials").first.click()
        dialog.get_by_role("button", name="Close").first.click()
        operation.get_by_role("button", name="Execute").click()
        page.wait_for_function("document.querySelector('.live-responses-table tbody').innerText.startsWith('200')")


def test_the_card_of_the_served_model_is_a_page_with_its_pictures(page: Page, root: Path, tmp_path: Path) -> None:
    manifest = bundle.load(root / "models", contract=CONTRACT).manifest
    with running(root / "models", tmp_path / "service.log") as service:
        page.goto(f"http://127.0.0.1:{service.port}/model/card")
        roc_auc = page.inner_text("tr:has-text('ROC-AUC') td:nth-child(2) >> nth=0")
        seen = page.evaluate("[...document.images].filter(picture => picture.naturalWidth > 0).length")
    assert roc_auc == f"{manifest.metrics['roc_auc']:.4f}"
    assert seen == sum(name.startswith("figures/") for name in manifest.files) == 8


@pytest.mark.shipped_model
def test_the_drift_report_names_the_shifted_columns_first(page: Page, root: Path, tmp_path: Path) -> None:
    synthetic_customers.shifted(1_000, seed=12).to_csv(tmp_path / "shifted.csv", index=False)
    settings = DriftSettings(live=tmp_path / "shifted.csv", models_dir=root / "models", output_dir=tmp_path / "var")
    assert run_drift(settings) == 1
    [report] = (tmp_path / "var" / "reports").glob("*.html")
    record = json.loads(report.with_suffix(".json").read_text())
    page.goto(report.as_uri())
    page.wait_for_selector(f"text=3 of 7 columns drifted; their features have {record['drift_share']:.0%}")
    assert page.title().startswith("Drift report: drift, ")
    assert page.get_by_role("heading", level=1).inner_text() == page.title()
    headings = page.locator("thead tr").first.locator("th").all_inner_texts()
    assert [heading.strip() for heading in headings if heading.strip()][:6] == [
        "Column",
        "Importance",
        "Distance",
        "Limit",
        "Distance / limit",
        "Verdict",
    ]
    rows = page.locator("tbody tr", has_text="drifted").all_inner_texts()
    drifted = [row.split()[0] for row in rows if "not drifted" not in row]
    assert set(drifted) == {*synthetic_customers.SHIFTED_COLUMNS, "churn_probability"}
    assert [row.split()[0] for row in rows[: len(drifted)]] == drifted
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_function("document.querySelector('h1').getBoundingClientRect().right <= innerWidth")
    scrolls = "[...document.querySelectorAll('thead')].map(head => head.closest('table').parentElement)"
    hidden = f"{scrolls}.filter(box => box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX != 'auto')"
    assert page.evaluate(f"{hidden}.length") == 0  # else the columns on the right cannot be reached


@pytest.fixture
def jobs(root: Path, tmp_path: Path) -> dict[str, Any]:
    """Settings of both jobs, for a log of 600 customers after the business changed, and of what became of them."""
    model = bundle.load(root / "models", contract=CONTRACT)
    at = datetime.now(UTC) - timedelta(hours=1)
    url = f"sqlite:///{tmp_path / 'predictions.db'}"
    engine = log_tables.connect(url, create=True)
    migrations.upgrade(engine)
    with engine.begin() as connection:
        for customer in SHIFTED.customers(600, seed=1):
            matrix = CONTRACT.to_matrix({name: [value] for name, value in customer.features.items()})
            probability = float(Scorer.of(model).score(matrix)[0])
            made_by: dict[str, Any] = {"version": model.manifest.version, "policy": model.manifest.policy}
            made = predictions.row(customer.features, probability, at=at, **made_by)
            outcome = {"churned": customer.churned, "observed_at": at, "recorded_at": at}
            connection.execute(sa.insert(log_tables.PREDICTIONS), made)
            connection.execute(sa.insert(log_tables.OUTCOMES), outcome | {"prediction_id": made["prediction_id"]})
    engine.dispose()
    return {"log_url": url, "models_dir": root / "models", "output_dir": tmp_path / "var"}


@pytest.fixture
def dashboard(root: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a running dashboard."""
    port = free_port()
    flags = ["--port", str(port), "--output-dir", str(tmp_path / "var")]
    command = [sys.executable, "-m", "monitoring", "dashboard", *flags]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "starting" in process.stderr.readline()
        assert f"127.0.0.1:{port}" in process.stderr.readline()
        yield f"http://127.0.0.1:{port}"
        process.kill()


def newest_point(page: Page, panel: str) -> dict[str, float]:
    """Read the figures that a panel shows when its last point is pointed at."""
    card = page.locator(".MuiCard-root", has=page.get_by_role("heading", name=panel, exact=True))
    card.locator(".MuiMarkElement-root").last.hover(force=True)
    lines = page.get_by_role("tooltip").inner_text().splitlines()
    page.mouse.move(0, 0)
    page.get_by_role("tooltip").wait_for(state="hidden")
    return {name: float(value) for name, tab, value in (line.partition("\t") for line in lines) if tab}


def check_lines(page: Page) -> None:
    """Check that lines are straight, without C in their paths, and that the four limits are red."""
    lines = page.locator(".MuiLineElement-root")
    paths = [line.get_attribute("d") or "" for line in lines.all()]
    assert len(paths) > 15
    assert [path for path in paths if "C" in path] == []
    colors = [line.get_attribute("stroke") for line in lines.all()]
    assert (colors.count("#d32f2f"), colors.count(None)) == (4, 0)


def check_points(page: Page, drift: dict[str, Any], performance: dict[str, Any]) -> None:
    """Check that the panels show the figures of the newest records."""
    assert newest_point(page, "Drift share")["drift share"] == pytest.approx(drift["drift_share"], abs=1e-3)
    roc_auc = {side: performance[side]["roc_auc"] for side in ("live", "estimated", "reference")}
    assert newest_point(page, "ROC-AUC") == {
        "on outcomes": pytest.approx(roc_auc["live"]["value"], abs=1e-3),
        "outcomes, lower end": pytest.approx(roc_auc["live"]["low"], abs=1e-3),
        "from probabilities": pytest.approx(roc_auc["estimated"]["value"], abs=1e-3),
        "test set": pytest.approx(roc_auc["reference"]["value"], abs=1e-3),
    }
    distances = newest_point(page, "Distance of each input column")
    assert distances.pop("limit") == 1
    assert {column for column, distance in distances.items() if distance >= 1} == set(
        synthetic_customers.SHIFTED_COLUMNS
    )


def row(page: Page, verdict: str) -> Locator:
    """Find a run in the list."""
    return page.locator("tbody tr", has=page.locator("td:first-child", has=page.get_by_text(verdict, exact=True)))


@pytest.mark.shipped_model
def test_the_dashboard_shows_figures_runs_and_reviews_and_opens_each_report(
    page: Page, jobs: dict[str, Any], dashboard: str
) -> None:
    assert run_drift(DriftSettings(**jobs, since="1m")) == 2
    for _ in range(3):  # between two points, every line is straight
        assert run_drift(DriftSettings(**jobs)) == 1
    assert run_performance(PerformanceSettings(**jobs)) == 1
    drift, performance = (
        run_store.newest(jobs["output_dir"], "drift"),
        run_store.newest(jobs["output_dir"], "performance"),
    )
    assert drift is not None
    assert performance is not None

    page.goto(dashboard)
    page.get_by_role("link", name="Charts in Evidently").click()
    page.wait_for_selector("text=Predictions and outcomes")
    assert page.title() == "Churn: drift dashboard"
    check_lines(page)
    check_points(page, drift, performance)
    costs = bundle.load(jobs["models_dir"], contract=CONTRACT).manifest.policy.costs
    assert costs is not None
    assert page.get_by_text(f"a lost customer {costs.value_of_kept_customer:g} {costs.currency}.").is_visible()

    review = {"decision": "retrain", "by": "Ana Sousa", "why": "prices rose", "output_dir": jobs["output_dir"]}
    assert run_review(ReviewSettings(run="latest", **review)) == 0
    page.goto(f"{page.url}/reports")
    page.wait_for_selector("text=Ana Sousa")
    assert page.locator("tbody tr").count() == 5
    reviewed = row(page, "quality fallen").inner_text()
    assert {"performance", "retrain", '"reviewed by":"Ana Sousa"', '"why":"prices rose"'} <= set(reviewed.splitlines())
    assert "retrain" not in row(page, "drift").first.inner_text()

    for verdict, told in (
        ("quality fallen", f"{performance['live']['roc_auc']['value']:.3f} ("),
        ("quality fallen", "retrain, by Ana Sousa: prices rose"),
        ("drift", f"their features have {drift['drift_share']:.0%} of the importance"),
        ("cannot tell", "0 rows, at least 200 are needed."),
    ):
        row(page, verdict).first.get_by_role("link", name="View").click()
        page.wait_for_selector(f"text={told}")
        page.go_back()
