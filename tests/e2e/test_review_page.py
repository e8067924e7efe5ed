"""A reviewer decides in a real browser, and the decision is in the record, on the dashboard and in a metric."""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from demo import synthetic_customers
from demo.running_service import free_port
from monitoring import telemetry
from monitoring.drift_job import run_drift
from monitoring.runs import run_store
from monitoring.settings import DriftSettings
from service.access import keys_file
from tests.monitoring.review_page.conftest import FALLEN
from tests.monitoring.test_telemetry import OFFERS
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NARROW = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def output_dir(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a real run over customers of another world than that of the training."""
    folder = tmp_path_factory.mktemp("review")
    synthetic_customers.shifted(1_000, seed=12).to_csv(folder / "shifted.csv", index=False)
    settings = DriftSettings(live=folder / "shifted.csv", models_dir=root / "models", output_dir=folder / "var")
    assert run_drift(settings) == 1
    return folder / "var"


@pytest.fixture(scope="module")
def key(output_dir: Path) -> str:
    return keys_file.add(output_dir / "keys.toml", "ann", ["review"], None)


@pytest.fixture(scope="module")
def dashboard(root: Path, output_dir: Path, key: str) -> Iterator[str]:
    """The address of a running dashboard that asks for a key."""
    assert key
    port = free_port()
    flags = ["--port", str(port), "--output-dir", str(output_dir), "--keys-file", str(output_dir / "keys.toml")]
    log = output_dir / "dashboard.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "monitoring", "dashboard", *flags], cwd=root, stdout=out, stderr=out
        )
    wait_until(lambda: f"on http://127.0.0.1:{port}" in log.read_text(), 60)
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def page(browser: Browser, dashboard: str, key: str) -> Iterator[Page]:
    """A page that has signed in, and on which a request to another host or an error on the console fails the test."""
    page = browser.new_page()
    wrong: list[str] = []
    page.on("request", lambda sent: None if sent.url.startswith((dashboard, "data:")) else wrong.append(sent.url))
    page.on(
        "console", lambda said: wrong.append(said.text) if said.type == "error" and "403" not in said.text else None
    )
    page.goto(dashboard)
    page.get_by_label("Key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    yield page
    page.close()
    assert wrong == []


@pytest.fixture
def at_home(page: Page, dashboard: str) -> Page:
    page.goto(dashboard)
    return page


def told(output_dir: Path) -> dict[str, float]:
    """Read the gauges about decisions."""
    with telemetry.serving(output_dir, host="127.0.0.1", port=0, periods_seconds={}) as port:
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    found = re.findall(r"^(churn_\w*decided_runs\{.+\}) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def test_evidentlys_pages_draw_their_charts_and_cannot_delete(at_home: Page, output_dir: Path) -> None:
    at_home.get_by_role("link", name="Charts in Evidently").click()
    at_home.wait_for_selector("text=Drift share")
    at_home.wait_for_selector(".MuiMarkElement-root")
    project, [record] = at_home.url.rpartition("/")[2], list((output_dir / "reports").glob("*.json"))
    run = json.loads(record.read_text())["run_id"]
    delete = "async address => (await fetch(address, {method: 'DELETE'})).status"
    assert at_home.evaluate(delete, f"/api/projects/{project}/{run}") == 403
    assert len(list((output_dir / "workspace").glob(f"*/snapshots/{run}.json"))) == 1


def test_a_reviewer_decides_without_a_shell(at_home: Page, output_dir: Path) -> None:
    assert told(output_dir) == {'churn_undecided_runs{job="drift"}': 1}
    expect(at_home.get_by_role("heading", level=1)).to_have_text("1 run needs a decision")
    at_home.get_by_role("link", name="Look and decide").click()
    for column in synthetic_customers.SHIFTED_COLUMNS:
        expect(at_home.get_by_role("row", name=column)).to_contain_text("moved")
    with at_home.context.expect_page() as opened:
        at_home.get_by_role("link", name="Open the full report").click()
    opened.value.wait_for_selector("text=monthly_charges")
    opened.value.close()

    at_home.get_by_label("Retrain").check()
    at_home.get_by_label("Your name").fill("Ana Sousa")
    at_home.get_by_role("button", name="Record the decision").click()  # the browser asks for the reason
    expect(at_home.get_by_label("Reason")).to_be_focused()
    at_home.get_by_label("Reason").fill("The price rise is here to stay.")
    at_home.keyboard.press("Tab")
    at_home.keyboard.press("Enter")

    expect(at_home.get_by_role("status")).to_have_text("The decision is recorded.")
    expect(at_home.locator(".decide")).to_contain_text("RETRAIN_DATA=live make retrain")
    expect(at_home.get_by_role("listitem").filter(has_text="by Ana Sousa")).to_contain_text("The price rise")
    record = json.loads(max((output_dir / "reports").glob("*.json")).read_text())
    [review] = record["reviews"]
    assert {name: review[name] for name in ("decision", "by", "why", "key")} == {
        "decision": "retrain",
        "by": "Ana Sousa",
        "why": "The price rise is here to stay.",
        "key": "ann",
    }
    shown: dict[str, Any] = json.loads(
        next((output_dir / "workspace").glob(f"*/*/{record['run_id']}.json")).read_text()
    )
    assert (shown["tags"], shown["metadata"]["reviewed by"]) == (["drift", "retrain"], "Ana Sousa")
    assert told(output_dir) == {
        'churn_undecided_runs{job="drift"}': 0,
        'churn_decided_runs{decision="retrain",job="drift"}': 1,
    }
    at_home.get_by_role("link", name="All runs").click()
    expect(at_home.get_by_role("heading", level=1)).to_have_text("No run needs a decision")
    expect(at_home.get_by_role("listitem").filter(has_text="by Ana Sousa")).to_be_visible()


def test_all_fits_a_phone(browser: Browser, dashboard: str, output_dir: Path, key: str, axe: str) -> None:
    """Also without an accessibility violation, in light and dark."""
    run_store.write(FALLEN | {"offers": OFFERS}, output_dir, "performance", datetime.now(UTC))
    for scheme in ("light", "dark"):
        page = browser.new_page(viewport=NARROW, color_scheme=scheme)  # type: ignore[arg-type]  # a literal of two
        page.goto(dashboard)
        broken = violations(page, axe)
        page.get_by_label("Key").fill(key)
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:has-text('decision')")
        paths = [link.get_attribute("href") or "" for link in page.get_by_role("link").all()]
        for path in ("/", *dict.fromkeys(path for path in paths if path.startswith("/runs/"))):
            page.goto(f"{dashboard}{path}")
            assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"], path
            for table in page.locator(".wide[aria-labelledby=columns]").all():
                assert table.evaluate("one => one.scrollWidth - one.clientWidth") == 0, "a column is cut off"
            for closed in page.locator("summary").all():
                closed.click()
            broken += violations(page, axe)
        page.close()
        assert broken == []


def violations(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("rules => axe.run({runOnly: rules})", RULES)
    return [f"{page.url}: {one['id']}: {node['html']}" for one in found["violations"] for node in one["nodes"]]
