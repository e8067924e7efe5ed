"""The pages as a person sees them, in a real browser: the API's page answers, the drift report names the columns."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from demo import traffic
from demo.running_service import running
from models import bundle
from monitoring.job import run_drift
from monitoring.settings import Settings

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
    assert answer["model_version"] == bundle.read_pin(root / "models").version
    assert answer["risk_tier"] == "high"


def test_the_drift_report_names_the_shifted_columns_first(page: Page, root: Path, tmp_path: Path) -> None:
    traffic.shifted(1_000, seed=12).to_csv(tmp_path / "shifted.csv", index=False)
    settings = Settings(live=tmp_path / "shifted.csv", models_dir=root / "models", output_dir=tmp_path / "var")
    assert run_drift(settings) == 1
    [report] = settings.reports.glob("*.html")
    page.goto(report.as_uri())
    page.wait_for_selector("text=Drift is detected for 33.333% of columns (2 out of 6).")
    rows = page.locator("tbody tr", has_text="Detected").all_inner_texts()
    drifted = {row.split()[0] for row in rows if "Not Detected" not in row}
    assert drifted == set(traffic.SHIFTED_COLUMNS)
