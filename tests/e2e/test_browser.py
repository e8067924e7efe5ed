"""The pages as a person sees them, in a real browser: the API answers, report and dashboard say what was found."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Locator, Page, sync_playwright

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
from monitoring.runs.dashboard import PROJECT
from monitoring.settings import DriftSettings, PerformanceSettings, ReviewSettings
from tests import predictions

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking", "--disable-quic"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which any request to another host fails the test."""
    page = browser.new_page()
    foreign: list[str] = []
    page.on("request", lambda sent: None if is_local(sent.url) else foreign.append(sent.url))
    yield page
    page.close()
    assert foreign == []


def is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "file:", "data:", "blob:"))


def test_a_prediction_is_made_on_the_page_of_the_api(page: Page, root: Path, tmp_path: Path) -> None:
    with running(root / "models", tmp_path / "service.log") as service:
        page.goto(f"http://127.0.0.1:{service.port}/docs")
        page.click("#operations-predictions-predict .opblock-summary-control")
        page.click("button:has-text('Try it out')")
        page.click("button:has-text('Execute')")
        answer = json.loads(page.inner_text(".live-responses-table .microlight >> nth=0"))
    assert answer["model_version"] == pins.read(root / "models").version
    assert 0 < answer["churn_probability"] < 1


def test_the_card_of_the_served_model_is_a_page_with_its_pictures(page: Page, root: Path, tmp_path: Path) -> None:
    manifest = bundle.load(root / "models", fingerprint=CONTRACT.fingerprint).manifest
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
    page.goto(report.as_uri())
    page.wait_for_selector("text=Drift is detected for 42.857% of columns (3 out of 7).")
    rows = page.locator("tbody tr", has_text="Detected").all_inner_texts()
    drifted = {row.split()[0] for row in rows if "Not Detected" not in row}
    assert drifted == {*synthetic_customers.SHIFTED_COLUMNS, "churn_probability"}


@pytest.fixture
def jobs(root: Path, tmp_path: Path) -> dict[str, Any]:
    """Settings of both jobs, for a log of 600 customers after the business changed, and of what became of them."""
    model = bundle.load(root / "models", fingerprint=CONTRACT.fingerprint)
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


def row(page: Page, verdict: str) -> Locator:
    """Find a run in the list."""
    return page.locator("tbody tr", has=page.locator("td:first-child", has=page.get_by_text(verdict, exact=True)))


@pytest.mark.shipped_model
def test_the_dashboard_shows_figures_runs_and_reviews_and_opens_each_report(
    page: Page, jobs: dict[str, Any], dashboard: str
) -> None:
    assert run_drift(DriftSettings(**jobs, since="1m")) == 2
    assert run_drift(DriftSettings(**jobs)) == run_performance(PerformanceSettings(**jobs)) == 1
    drift, performance = (
        run_store.newest(jobs["output_dir"], "drift"),
        run_store.newest(jobs["output_dir"], "performance"),
    )
    assert drift is not None
    assert performance is not None

    page.goto(dashboard)
    page.get_by_text(PROJECT, exact=True).click()
    page.wait_for_selector("text=Predictions and outcomes")
    assert newest_point(page, "Drift share")["drift share"] == pytest.approx(drift["drift_share"], abs=1e-3)
    roc_auc = {side: performance[side]["roc_auc"] for side in ("live", "estimated", "reference")}
    assert newest_point(page, "ROC-AUC") == {
        "on outcomes": pytest.approx(roc_auc["live"]["value"], abs=1e-3),
        "outcomes, lower end": pytest.approx(roc_auc["live"]["low"], abs=1e-3),
        "from probabilities": pytest.approx(roc_auc["estimated"]["value"], abs=1e-3),
        "test set": pytest.approx(roc_auc["reference"]["value"], abs=1e-3),
    }
    distances = newest_point(page, "Distance of each input column")
    assert {column for column, distance in distances.items() if distance >= 1} == set(
        synthetic_customers.SHIFTED_COLUMNS
    )

    review = {"decision": "retrain", "by": "Ana Sousa", "why": "prices rose", "output_dir": jobs["output_dir"]}
    assert run_review(ReviewSettings(run="latest", **review)) == 0
    page.goto(f"{page.url}/reports")
    page.wait_for_selector("text=Ana Sousa")
    assert page.locator("tbody tr").count() == 3
    reviewed = row(page, "quality fallen").inner_text()
    assert {"performance", "retrain", '"reviewed by":"Ana Sousa"', '"why":"prices rose"'} <= set(reviewed.splitlines())
    assert "retrain" not in row(page, "drift").inner_text()

    for verdict, told in (
        ("quality fallen", f"{roc_auc['live']['value']:.3f} ("),
        ("drift", f"{drift['drift_share']:.0%}"),
        ("cannot tell", "0 rows, at least 200 are needed."),
    ):
        row(page, verdict).get_by_role("link", name="View").click()
        page.wait_for_selector(f"text={told}")
        page.go_back()
