"""The printed link opens the run on a real MLflow server, in its classical pages, and the card opens there."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright

from demo.running_service import free_port
from training.pipeline import Published
from training.publishing import tracking
from training.settings import FitSettings

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(published: Published, settings: FitSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An MLflow server on the database of the small fit."""
    assert published.run_id
    address, log = f"http://127.0.0.1:{free_port()}", tmp_path_factory.mktemp("server") / "log"
    flags = ["--backend-store-uri", settings.mlflow, "--host", "127.0.0.1", "--port", address[-5:].strip(":")]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "DO_NOT_TRACK": "true"}
    command = [str(Path(sys.executable).with_name("mlflow")), "server", *flags, "--workers", "1"]
    with (
        log.open("w") as output,
        subprocess.Popen(command, env=os.environ | quiet, stdout=output, stderr=output) as run,
    ):
        try:
            until = time.monotonic() + 240
            while not _answers(address):
                assert run.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.2)
            yield address
        finally:
            run.terminate()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health").is_success
    except httpx.TransportError:
        return False


def test_the_printed_link_opens_that_run(published: Published, server: str, settings: FitSettings) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    page_of_fit = published.link.removeprefix(f"MLFLOW_TRACKING_URI={settings.mlflow} make mlflow, then ")
    link = page_of_fit.replace("http://localhost:5001", server)
    with tracking.run(settings.model_copy(update={"tracking_uri": server})) as opened:
        pass  # a run that is logged to the server itself
    name = published.bundle.manifest.version[:17]
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.context.set_default_timeout(120_000)  # milliseconds; the server shares two cores with other tests
        for address, heading in ((opened.link, "fit of synthetic"), (link, name)):
            page.goto("about:blank")
            page.goto(address)
            page.get_by_role("heading", name=heading).wait_for()
        page.get_by_text(published.run_id, exact=True).wait_for()
        page.get_by_text(f"ROC-AUC {published.bundle.manifest.metrics['roc_auc']:.3f}").first.wait_for()
        assert page.get_by_text("Judges", exact=True).count() == 0  # an entry of the GenAI pages
        with page.expect_popup() as card:
            page.get_by_role("link", name="Model card").click()
        card.value.frame_locator("iframe").get_by_role("heading", name="Churn model").wait_for()
        browser.close()
    found = re.fullmatch(rf"{server}/#/experiments/(\d+)/runs/(\w+)\?workflowType=machine_learning", link)
    assert found is not None
    answer = httpx.get(f"{server}/ajax-api/2.0/mlflow/runs/get", params={"run_id": found[2]}).json()
    assert (answer["run"]["info"]["run_name"], answer["run"]["info"]["experiment_id"]) == (name, found[1])
