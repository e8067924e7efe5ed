"""Attacks on the dashboard: foreign pages, foreign texts in records, foreign paths, and what would lose a run."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from monitoring.review_page.guard import COOKIE
from tests.monitoring.review_page.conftest import (
    DECISION,
    DRIFT,
    FALLEN,
    HOST,
    OWN,
    Evidently,
    client,
    evidently,
    keys,
    ran,
    record,
    visit,
)

__all__ = ["client", "evidently", "keys", "ran", "record", "visit"]
Ran = Callable[..., str]
Record = Callable[[str], dict[str, Any]]
SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
SCRIPTED = {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
"""What a browser sends with a request of a script, as of Evidently's pages."""
BROWSER = {"Origin": f"http://{HOST}", "Sec-Fetch-Mode": "navigate"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:5000"},  # MLflow: the same site for a cookie, and another origin
        {"Origin": f"http://{HOST}.evil.example"},
        BROWSER | {"Sec-Fetch-Site": "cross-site"},
        BROWSER | {"Sec-Fetch-Site": "same-site"},
        BROWSER | {"Sec-Fetch-Site": "none"},
        SCRIPTED,
    ],
)
def test_a_foreign_page_cannot_decide(client: TestClient, ran: Ran, record: Record, headers: dict[str, str]) -> None:
    name = ran(DRIFT)
    assert client.post(f"/runs/{name}", data=DECISION, headers=headers).status_code == 403
    assert "reviews" not in record(name)
    own = BROWSER | {"Sec-Fetch-Site": "same-origin"}
    assert client.post(f"/runs/{name}", data=DECISION, headers=own).status_code == 303


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8001", "127.0.0.1.evil.example", "", "a b", "x" * 300])
def test_a_name_that_was_bound_to_this_machine_is_not_answered(client: TestClient, ran: Ran, host: str) -> None:
    ran(DRIFT)
    answer = client.get("/", headers={"Host": host})
    assert (answer.status_code, "drift" in answer.text) == (400, False)


@pytest.mark.parametrize("host", ["localhost", "localhost:9", "127.0.0.1", "[::1]:8001", "LOCALHOST"])
def test_this_machines_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded"])
def test_a_proxy_opens_a_dashboard_only_with_keys(
    visit: Callable[..., TestClient], ran: Ran, keys: Path, header: str
) -> None:
    proxied, name = {header: "203.0.113.7"}, ran(DRIFT)
    answer = visit().get(f"/runs/{name}", headers=proxied)
    assert (answer.status_code, "drift" in answer.text, "MONITORING_KEYS_FILE" in answer.text) == (403, False, True)
    assert visit(keys_file=keys).get("/sign-in", headers=proxied).status_code == 200


def test_texts_of_strangers_are_shown_as_text(client: TestClient, ran: Ran) -> None:
    column = DRIFT["columns"][1] | {"name": SCRIPT, "method": IMAGE}
    review = {"decision": IMAGE, "by": SCRIPT, "why": SCRIPT + IMAGE, "at": "2026-03-01T12:00:00+00:00", "key": SCRIPT}
    facts = {"summary": f"{SCRIPT}: {IMAGE}", "verdict": SCRIPT, "model_version": IMAGE, "live": SCRIPT}
    request = {"command": SCRIPT, "exit_code": 1, "said": IMAGE, "at": "2026-03-01T12:00:00+00:00"}
    more = {"reason": SCRIPT, "remarks": [IMAGE], "retrain_requests": [request], "columns": [column]}
    strange = ran(DRIFT | facts | more)
    decided = ran(DRIFT | facts | more, 1, reviews=[review])
    figures = {name: {SCRIPT: {"value": 1.0, "low": 0.5, "high": 1.5}} for name in ("live", "reference")}
    check = {"metric": IMAGE, "worse_by": 1.0, "limit": 0.5, "broken": True}
    quality = ran(FALLEN | facts | figures | {"checks": [check]}, 2, "performance")
    pages = [client.get(path).text for path in ("/", *(f"/runs/{name}" for name in (strange, decided, quality)))]
    pages.append(client.get("/", params={"model": SCRIPT + IMAGE, "job": IMAGE}).text)
    pages.append(client.post(f"/runs/{strange}", data={"by": IMAGE, "why": f"</textarea>{SCRIPT}"}, headers=OWN).text)
    for page in pages:
        assert "<script" not in page
        assert "<img" not in page
    assert all("&lt;script&gt;" in page for page in pages[:4])


def test_the_policy_allows_no_script_and_no_frame(client: TestClient, ran: Ran) -> None:
    for path in ("/", f"/runs/{ran(DRIFT)}", "/runs/none", "/sign-out", "/page.css"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        if path != "/sign-out":
            assert "default-src 'none'" in policy
            assert "script-src" not in policy
        assert "frame-ancestors 'none'" in policy
        assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
    page = client.get("/").text + client.get(f"/runs/{ran(DRIFT)}").text
    assert re.findall(r"<script|<style| style=| on\w+=|javascript:|https?://(?!www\.w3\.org)", page) == []


@pytest.mark.parametrize(
    "name",
    [
        "..%2f..%2fsecret",
        "%2e%2e%2fsecret",
        "..%5csecret",
        "20260301T120000.000000Z-drift%2f..%2f..%2fsecret",
        "20260301T120000.000000Z-drift%00",
        "20260301T120000.000000Z-drift%0a",
        "20260301T120000.000000Z-secret",
        "latest",
    ],
)
def test_no_path_leads_out_of_the_reports(client: TestClient, ran: Ran, tmp_path: Path, name: str) -> None:
    ran(DRIFT)
    for ending in (".json", ".html"):
        (tmp_path / f"secret{ending}").write_text('{"summary": "a secret"}')
        (tmp_path / "reports" / f"20260301T120000.000000Z-secret{ending}").write_text('{"summary": "a secret"}')
    for path in (f"/runs/{name}", f"/runs/{name}/report"):
        answer = client.get(path)
        assert "a secret" not in answer.text
        assert answer.status_code == 404 or answer.text == "of Evidently"
    assert client.post(f"/runs/{name}", data=DECISION, headers=OWN).status_code in (404, 405)


@pytest.mark.parametrize("method", ["DELETE", "POST", "PUT", "PATCH"])
def test_no_request_deletes_or_changes_a_run(
    client: TestClient, ran: Ran, record: Record, evidently: Evidently, method: str
) -> None:
    name, project = ran(DRIFT), "d7f5daf2-759e-5799-bc91-3540ed0ac02d"
    before = record(name)
    api = f"/api/projects/{project}"
    for path in (api, f"{api}/{project}", "/api/projects/", f"{api}/info", "/projects/0a", "/api/v2/snapshots/x"):
        assert client.request(method, path, headers=OWN).status_code == 405
    assert client.request("DELETE", f"/runs/{name}", headers=OWN).status_code == 405
    assert (evidently.asked, record(name)) == ([], before)


def test_evidentlys_charts_are_the_only_thing_it_is_asked_with_post(client: TestClient, evidently: Evidently) -> None:
    charts = "/api/v2/snapshots/d7f5daf2-759e-5799-bc91-3540ed0ac02d/data_series_batch"
    assert client.post(charts, json={}, headers=SCRIPTED).status_code == 200
    assert client.post(charts, json={}, headers=SCRIPTED | {"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert evidently.asked == [f"POST {charts}"]
    policy = client.get("/projects/0a").headers["content-security-policy"]
    assert f"connect-src {HOST}/api/;" in policy
    assert "form-action 'none'" in policy
    assert "allow-popups" not in policy


@pytest.mark.parametrize("cookie", ["", "x", "a" * 4_000, COOKIE, "../../keys"])
def test_an_invented_session_opens_nothing(
    visit: Callable[..., TestClient], keys: Path, ran: Ran, record: Record, cookie: str
) -> None:
    client, name = visit(keys_file=keys), ran(DRIFT)
    headers = OWN | {"Cookie": f"{COOKIE}={cookie}"}
    assert client.get(f"/runs/{name}", headers=headers).status_code == 303
    assert client.post(f"/runs/{name}", data=DECISION, headers=headers).status_code == 401
    assert "reviews" not in record(name)
