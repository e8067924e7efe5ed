"""A decision on the page: name and reason are asked for, nothing typed is lost, and nothing decided is replaced."""

import html
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from monitoring.review_page import forms
from tests.monitoring.review_page.conftest import DECISION, DRIFT, FALLEN, OWN

Ran = Callable[..., str]
Record = Callable[[str], dict[str, Any]]


def test_a_decision_is_added_to_the_record_and_shown(client: TestClient, ran: Ran, record: Record) -> None:
    name = ran(DRIFT)
    done = client.post(f"/runs/{name}", data=DECISION, headers=OWN)
    assert (done.status_code, done.headers["location"]) == (303, f"/runs/{name}?saved&unlisted")
    [kept] = record(name)["reviews"]
    assert {field: kept[field] for field in DECISION} == DECISION
    page = client.get(done.headers["location"]).text
    assert "The decision is recorded." in page
    assert "by Ana Sousa" in page
    assert "<code>RETRAIN_DATA=live make retrain</code>" in page
    assert "No run needs a decision" in client.get("/").text


def test_the_command_to_retrain_has_the_log_and_the_reporters_of_the_run(client: TestClient, ran: Ran) -> None:
    sources = {"log_url": "postgresql://ann:***@db/churn", "trusted_reporters": "crm,billing"}
    for facts, command, told in (
        (
            sources,
            f"TRAINING_LOG_URL='{sources['log_url']}' TRAINING_TRUSTED_REPORTERS=crm,billing ",
            "in place of ***",
        ),
        ({"log_url": "sqlite:///var/predictions.db"}, "", "TRAINING_TRUSTED_REPORTERS names whose outcomes you trust"),
    ):
        name = ran(FALLEN | facts, job="performance")
        client.post(f"/runs/{name}", data=DECISION, headers=OWN)
        page = html.unescape(client.get(f"/runs/{name}").text)
        assert f"<code>{command}RETRAIN_DATA=live make retrain</code>" in page
        assert told in page
        assert ".TRAINING" not in page


def test_earlier_decisions_stay_in_the_record_and_on_the_page(client: TestClient, ran: Ran, record: Record) -> None:
    name = ran(DRIFT)
    later = {"decision": "accept", "by": "Ben", "why": "two\r\nlines"}
    for decision in (DECISION, later):
        client.post(f"/runs/{name}", data=decision, headers=OWN)
    assert [one["by"] for one in record(name)["reviews"]] == ["Ana Sousa", "Ben"]
    assert record(name)["reviews"][1]["why"] == "two\nlines"
    page = client.get(f"/runs/{name}").text
    assert page.index("two\nlines") < page.index("prices rose")
    assert "make retrain" not in page


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (DECISION | {"by": "  "}, ["Give your name"]),
        (DECISION | {"why": ""}, ["Give the reason"]),
        (DECISION | {"why": "x" * 2_001}, ["Give the reason, in at most 2,000 characters"]),
        (DECISION | {"decision": "delete"}, ["Choose accept, retrain or ignore"]),
        ({"by": "Ana <b>", "why": "costs > gains"}, ["Choose accept, retrain or ignore"]),
        ({}, ["Choose accept", "Give your name", "Give the reason"]),
    ],
)
def test_what_is_missing_is_said_and_what_was_typed_stays(
    client: TestClient, ran: Ran, record: Record, typed: dict[str, str], told: list[str]
) -> None:
    name = ran(DRIFT)
    answer = client.post(f"/runs/{name}", data=typed, headers=OWN)
    assert answer.status_code == 422
    listed = re.findall(r'<li><a href="#\w+">([^<]+)</a></li>', answer.text)
    assert [problem.startswith(said) for problem, said in zip(listed, told, strict=True)] == [True] * len(told)
    escaped = typed.get("by", "").replace("<", "&lt;").replace(">", "&gt;")
    assert f'value="{escaped}"' in answer.text
    assert typed.get("why", "").replace(">", "&gt;") + "</textarea>" in answer.text
    assert ('value="retrain" required checked' in answer.text) is (typed.get("decision") == "retrain")
    assert "reviews" not in record(name)


def test_a_record_that_cannot_be_changed_loses_nothing_typed(
    client: TestClient, ran: Ran, record: Record, tmp_path: Path
) -> None:
    name = ran(DRIFT)
    (tmp_path / "reports" / ".append.lock").mkdir()
    answer = client.post(f"/runs/{name}", data=DECISION, headers=OWN)
    assert answer.status_code == 500
    assert "This decision is not recorded." in answer.text
    assert "Is a directory. Make this record and its folder readable and writable" in answer.text
    assert "prices rose</textarea>" in answer.text
    assert "reviews" not in record(name)


def test_a_decision_that_cannot_be_shown_elsewhere_is_recorded_once_and_followed(
    visit: Callable[..., TestClient], ran: Ran, record: Record, tmp_path: Path
) -> None:
    client, name = visit(retrain_command="echo"), ran(DRIFT, run_id="5a1e3b9c-0c7f-4b5e-9d53-3d6f2d8a1b11")
    (tmp_path / "workspace").write_text("a file where the folder should be")
    done = client.post(f"/runs/{name}", data=DECISION, headers=OWN)
    assert (done.status_code, done.headers["location"]) == (303, f"/runs/{name}?saved&unlisted")
    assert (len(record(name)["reviews"]), len(record(name)["retrain_requests"])) == (1, 1)
    assert "The decision is recorded. Evidently does not show it." in client.get(done.headers["location"]).text


def test_a_form_that_is_sent_twice_decides_once(visit: Callable[..., TestClient], ran: Ran, record: Record) -> None:
    client, name = visit(retrain_command="echo"), ran(DRIFT)
    [shown] = re.findall(r'name="reviews" value="(\d+)"', client.get(f"/runs/{name}").text)
    first, second = (client.post(f"/runs/{name}", data=DECISION | {"reviews": shown}, headers=OWN) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 409)
    assert "somebody decided about this run meanwhile" in second.text
    assert "prices rose</textarea>" in second.text
    assert (len(record(name)["reviews"]), len(record(name)["retrain_requests"])) == (1, 1)
    [now] = re.findall(r'name="reviews" value="(\d+)"', second.text)
    again = client.post(f"/runs/{name}", data=DECISION | {"reviews": now}, headers=OWN)
    assert (again.status_code, len(record(name)["reviews"])) == (303, 2)


def test_a_form_with_no_number_of_decisions_asks_to_load_the_page_again(
    client: TestClient, ran: Ran, record: Record
) -> None:
    name = ran(DRIFT)
    answer = client.post(f"/runs/{name}", data=DECISION | {"reviews": "-1"}, headers=OWN)
    assert (answer.status_code, "<li>Load this page again.</li>" in answer.text) == (422, True)
    assert "reviews" not in record(name)


def test_an_address_alone_does_not_say_that_a_decision_is_recorded(client: TestClient, ran: Ran) -> None:
    assert "is recorded." not in client.get(f"/runs/{ran(DRIFT)}?saved").text


def test_a_form_that_is_too_large_is_refused(client: TestClient, ran: Ran, record: Record) -> None:
    name = ran(DRIFT)
    huge = DECISION | {"why": "x" * forms.MAX_BYTES}
    many = "&".join(f"f{number}=1" for number in range(forms.MAX_FIELDS + 1))
    assert client.post(f"/runs/{name}", data=huge, headers=OWN).status_code == 413
    assert client.post(f"/runs/{name}", content=many, headers=OWN).status_code == 400
    assert "reviews" not in record(name)


def test_a_decision_to_retrain_starts_the_configured_command(
    visit: Callable[..., TestClient], ran: Ran, record: Record, tmp_path: Path
) -> None:
    client, name = visit(retrain_command=f"{sys.executable} -c 'import sys; print(sys.argv[1])'"), ran(DRIFT)
    client.post(f"/runs/{name}", data=DECISION | {"decision": "ignore"}, headers=OWN)
    assert "retrain_requests" not in record(name)
    client.post(f"/runs/{name}", data=DECISION, headers=OWN)
    [started] = record(name)["retrain_requests"]
    assert (started["exit_code"], started["said"]) == (0, str(tmp_path / "reports" / f"{name}.json"))
    page = client.get(f"/runs/{name}").text
    assert started["said"] in page
    assert "make retrain" not in page
