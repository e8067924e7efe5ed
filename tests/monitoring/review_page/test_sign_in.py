"""With a keys file, the dashboard asks for a key with the scope `review`, and believes it as long as it is valid."""

import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from monitoring.review_page import sessions
from monitoring.review_page.guard import COOKIE
from monitoring.review_page.sessions import Sessions
from monitoring.settings import DashboardSettings
from service.access import keys_file
from tests.monitoring.review_page.conftest import DECISION, DRIFT, HOST, OWN

Ran = Callable[..., str]


@pytest.fixture
def key(keys: Path) -> str:
    return keys_file.add(keys, "ann", ["review"], None)


@pytest.fixture
def asking(visit: Callable[..., TestClient], keys: Path) -> TestClient:
    """A browser on a dashboard that asks for a key."""
    return visit(keys_file=keys)


def sign_in(client: TestClient, key: str, **more: str) -> Any:
    return client.post("/sign-in", data={"key": key, **more}, headers=OWN)


def test_without_a_key_nothing_is_shown_and_nothing_is_decided(
    asking: TestClient, ran: Ran, record: Callable[[str], dict[str, Any]]
) -> None:
    name = ran(DRIFT)
    for path in ("/", f"/runs/{name}", f"/runs/{name}/report", "/projects/0a"):
        answer = asking.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={path}")
    assert asking.get("/api/projects").status_code == 401
    refused = asking.post(f"/runs/{name}", data=DECISION, headers=OWN)
    assert (refused.status_code, "Sign in on /sign-in in another tab" in refused.text) == (401, True)
    assert "reviews" not in record(name)
    assert asking.get("/health").text == "ok"


def test_a_key_opens_the_page_that_was_asked_for_and_its_name_is_in_the_record(
    asking: TestClient, key: str, ran: Ran, record: Callable[[str], dict[str, Any]]
) -> None:
    name = ran(DRIFT)
    assert f'name="next" value="/runs/{name}"' in asking.get(f"/sign-in?next=/runs/{name}").text
    answer = sign_in(asking, key, next=f"/runs/{name}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{name}")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(answer.headers["set-cookie"].split("; "))
    assert "Key: ann" in asking.get("/").text
    asking.post(f"/runs/{name}", data=DECISION, headers=OWN)
    assert record(name)["reviews"][0]["key"] == "ann"
    assert "key ann" in asking.get(f"/runs/{name}").text


def test_over_https_the_cookie_is_for_https_alone(asking: TestClient, key: str) -> None:
    assert "Secure" not in sign_in(asking, key).headers["set-cookie"].split("; ")
    behind_a_proxy = {"Origin": f"https://{HOST}"}
    answer = asking.post("/sign-in", data={"key": key}, headers=behind_a_proxy)
    assert "Secure" in answer.headers["set-cookie"].split("; ")
    asking.base_url = "https://127.0.0.1:8001"
    assert "Secure" in sign_in(asking, key).headers["set-cookie"].split("; ")


def test_the_cookie_has_the_name_of_the_project(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]["name"].removesuffix("-service")
    assert COOKIE.startswith(f"{project.replace('-', '_')}_")


def test_another_key_opens_nothing_and_the_page_says_why(asking: TestClient, keys: Path) -> None:
    other = keys_file.add(keys, "crm", ["predict", "read"], None)
    old = keys_file.add(keys, "old", ["review"], datetime.now(UTC) - timedelta(seconds=1))
    for text, told in (("guess", "not known"), ("", "not known"), (other, "not the scope review"), (old, "expired")):
        answer = sign_in(asking, text)
        assert (answer.status_code, told in answer.text, "set-cookie" in answer.headers) == (401, True, False)


@pytest.mark.parametrize("page", ["https://evil.example/", "//evil.example", "/runs/../../etc", "javascript:alert(1)"])
def test_a_sign_in_leads_to_pages_of_the_dashboard_alone(asking: TestClient, key: str, page: str) -> None:
    assert f'value="{page}"' not in asking.get("/sign-in", params={"next": page}).text
    assert sign_in(asking, key, next=page).headers["location"] == "/"


def test_a_session_ends_with_its_key_its_time_or_a_sign_out(
    asking: TestClient, keys: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(asking, key)
    assert asking.get("/").status_code == 200
    copied = {"Cookie": f"{COOKIE}={asking.cookies[COOKIE]}"}
    assert asking.post("/sign-out", headers=OWN).headers["location"] == "/sign-in"
    assert asking.get("/", headers=copied).status_code == 303
    asking.cookies.clear()
    sign_in(asking, key)
    keys_file.revoke(keys, "ann")
    assert asking.get("/").status_code == 303
    monkeypatch.setattr(sessions, "MAX_AGE_SECONDS", -1)
    sign_in(asking, keys_file.add(keys, "ann", ["review"], None))
    assert asking.get("/").status_code == 303


def test_a_keys_file_that_cannot_be_read_opens_nothing(asking: TestClient, keys: Path, key: str) -> None:
    sign_in(asking, key)
    text = keys.read_text()
    keys.unlink()
    assert asking.get("/").status_code == sign_in(asking, key).status_code == 503
    keys.write_text("[[keys")
    assert "Make a key with" in asking.get("/").text
    keys.write_text(text)
    assert asking.get("/").status_code == 200


def test_many_sessions_end_the_oldest(keys: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST", 2)
    opened = Sessions(keys)
    secrets = [opened.open(key)[0] or "" for _ in range(3)]
    assert [opened.find(secret) for secret in secrets] == [None, "ann", "ann"]


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_keys_file_is_none(blank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITORING_KEYS_FILE", blank)
    assert DashboardSettings().keys_file is None


def test_without_a_keys_file_there_is_no_sign_in(client: TestClient) -> None:
    assert client.get("/sign-in").headers["location"] == "/"
    assert sign_in(client, "any").headers["location"] == "/"
    assert COOKIE not in client.cookies
