"""The demo page as the service gives it out, and the predictions that it makes, which leave no trace."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_jsonable_python
from starlette.testclient import TestClient

from models.features import CONTRACT
from service.app import create_app
from service.http.page.demo_page import ASSETS
from service.model.predictor import Predictor
from service.settings import Settings
from tests.service.http.test_problem_details import assert_one_shape
from tests.service.log_pages import logged

MAX_BYTES = 100_000
TRIAL, BATCH = "/predict/trial", "/predict/batch"
OF_EACH_ANSWER = {"prediction_id", "prediction_timestamp"}
TALKS = re.compile(
    r"\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|localStorage|sessionStorage|document\.cookie"
)
"""How a script sends something, or keeps it."""


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes, and the text inside its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] in ("script", "style"):
            self.inline += data.strip()


@pytest.fixture
def recording(pinned: Predictor, tmp_path: Path) -> TestClient:
    """A client whose service runs, and keeps a log, for as long as a `with` lasts."""
    settings = Settings(log_url="sqlite:///never-opened.db", output_dir=tmp_path)
    return TestClient(create_app(settings, serving=pinned), base_url="http://localhost")


def test_the_page_has_files_of_its_own_alone_and_nothing_inline(client: TestClient) -> None:
    page = client.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert {source for rule in policy.split("; ") for source in rule.split()[1:]} == {"'none'", "'self'", "'script'"}

    tags = Tags(page.text)
    assert tags.inline == ""
    assert [
        tag for tag, attributes in tags.found if any(name == "style" or name[:2] == "on" for name in attributes)
    ] == []
    addresses = [value for _, attributes in tags.found for name, value in attributes.items() if name in ("src", "href")]
    assert {"page/page.css", "page/main.js", "page/icon.svg"} <= set(addresses)
    for address in addresses:
        assert address is not None
        assert address.startswith("#") or client.get(f"/{address}").status_code == 200


def test_every_file_of_the_page_is_given_out_and_all_are_small_together(client: TestClient) -> None:
    paths = [path for path in ASSETS.iterdir() if path.name != "index.html"]
    assert {path.suffix for path in paths} == {".js", ".css", ".svg"}
    for path in paths:
        answer = client.get(f"/page/{path.name}")
        assert answer.content == path.read_bytes()
        assert (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"]) == ("no-cache", "nosniff")
    assert sum(path.stat().st_size for path in ASSETS.iterdir()) < MAX_BYTES


def test_one_script_alone_talks_and_none_keeps_anything() -> None:
    talking = {path.name: set(TALKS.findall(path.read_text())) for path in ASSETS.glob("*.js")}
    assert {name: found for name, found in talking.items() if found} == {"engine.js": {"fetch("}}


def test_the_page_gets_the_contract_as_it_is(client: TestClient) -> None:
    features = client.get("/page/contract.json").json()["features"]
    assert features == to_jsonable_python(CONTRACT.features) == client.get("/model").json()["features"]


def test_without_the_page_the_root_leads_to_the_page_of_the_api(
    start: Callable[..., TestClient], pinned: Predictor
) -> None:
    client = start(serving=pinned, page=False)
    assert client.get("/").url.path == "/docs"
    for answer in (client.get("/page/main.js"), client.post(TRIAL, json={"customers": [CONTRACT.example]})):
        assert_one_shape(answer, 404)
    assert TRIAL not in client.get("/openapi.json").json()["paths"]


@pytest.mark.parametrize("query", ["", "?explain=true"])
def test_a_trial_predicts_what_a_batch_predicts(
    client: TestClient, customers: list[dict[str, Any]], query: str
) -> None:
    trial, batch = (
        [
            {name: value for name, value in row.items() if name not in OF_EACH_ANSWER}
            for row in client.post(path + query, json={"customers": customers}).json()["predictions"]
        ]
        for path in (TRIAL, BATCH)
    )
    assert trial == batch
    assert len(trial) == len(customers)


def test_a_trial_is_neither_logged_nor_counted_as_a_prediction(recording: TestClient, tmp_path: Path) -> None:
    body = {"customers": [CONTRACT.example] * 3}
    invalid = {"customers": [CONTRACT.example | {CONTRACT.names[0]: "x"}]}
    with recording:
        recording.post(TRIAL, json=body)
        recording.post(TRIAL, json=invalid)
        [answer] = recording.post(BATCH, json={"customers": [CONTRACT.example]}).json()["predictions"]
        metrics = recording.get("/metrics").text
    assert [row[0] for row in logged(tmp_path)] == [answer["prediction_id"]]
    [traffic] = logged(tmp_path, "traffic")
    assert traffic[2:4] == ("1", "0")  # answered and refused
    predictions = re.findall(r"^churn_predictions_total\{.*\} (.+)$", metrics, re.MULTILINE)
    assert sum(map(float, predictions)) == 1
    assert re.search(rf'^http_requests_total\{{.*route="{TRIAL}".*status="200"\}} 1\.0$', metrics, re.MULTILINE)


def test_a_trial_with_explanations_is_limited_as_a_batch_is(client: TestClient) -> None:
    body = {"customers": [CONTRACT.example] * 2_001}
    problem = assert_one_shape(client.post(f"{TRIAL}?explain=true", json=body), 422)
    assert problem["errors"][0]["path"] == "customers"


def test_a_trial_takes_its_customers_from_the_limit(start: Callable[..., TestClient], pinned: Predictor) -> None:
    client = start(serving=pinned, rows_per_second=10)
    answers = [client.post(TRIAL, json={"customers": [CONTRACT.example] * 50}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
