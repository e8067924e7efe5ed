"""The pages behind nginx that serves the API under a path prefix and strips it."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from demo.running_service import free_port, running
from models.bundles import pins
from models.features import CONTRACT
from tests.waiting import is_listening, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CONFIGURATION = """
worker_processes 1;
pid {folder}/pid;
error_log stderr;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location /churn/ {{
      proxy_pass http://127.0.0.1:{upstream}/; # the slash strips the prefix
      proxy_set_header Host $host;
    }}
  }}
}}
"""


@pytest.fixture(scope="module")
def prefixed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the API behind the proxy, with the prefix and without a slash at the end."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    variables = {"SERVICE_MAX_TURN_SECONDS": "30", "SERVICE_LOG_URL": ""}
    with running(root / "models", folder / "service.log", **variables) as service:
        file = folder / "nginx.conf"
        file.write_text(CONFIGURATION.format(folder=folder, port=port, upstream=service.port))
        proxy = subprocess.Popen(
            [NGINX, "-e", "stderr", "-c", str(file), "-g", "daemon off;"], stderr=subprocess.DEVNULL
        )
        try:
            wait_until(lambda: is_listening(port))
            yield f"http://127.0.0.1:{port}/churn"
        finally:
            proxy.terminate()
            proxy.wait(timeout=30)


def test_a_prediction_is_tried_out_on_the_page_of_the_api(prefixed: str, page: Page, root: Path) -> None:
    page.goto(f"{prefixed}/docs")
    page.click("#operations-predictions-predict .opblock-summary-control")
    page.click("button:has-text('Try it out')")
    page.click("button:has-text('Execute')")
    answer = json.loads(page.inner_text(".live-responses-table .microlight >> nth=0"))
    assert page.inner_text(".request-url .microlight").startswith(f"{prefixed}/predict?")
    assert answer["model_version"] == pins.read(root / "models").version


@pytest.mark.parametrize("end", ["", "/"])
def test_the_demo_page_answers(prefixed: str, page: Page, end: str) -> None:
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    page.goto(prefixed + end)
    page.locator("#reasons li").first.wait_for()
    expect(page.locator("#notice")).to_be_hidden()
    assert f"{prefixed}/predict/trial?explain=true" in asked
    assert all(url.startswith(prefixed) for url in asked)


def test_links_of_the_demo_page_lead_to_the_prefix(prefixed: str, page: Page) -> None:
    page.goto(f"{prefixed}/")
    page.get_by_role("link", name="API", exact=True).click()
    page.wait_for_url(f"{prefixed}/docs")


def test_a_client_predicts(prefixed: str) -> None:
    address = urlsplit(prefixed)
    connection = HTTPConnection(str(address.hostname), address.port, timeout=30)
    body = json.dumps(CONTRACT.example)
    connection.request("POST", f"{address.path}/predict", body, {"Content-Type": "application/json"})
    with closing(connection):
        assert 0 < json.load(connection.getresponse())["churn_probability"] < 1
