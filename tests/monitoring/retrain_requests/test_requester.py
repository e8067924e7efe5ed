"""One drift asks for one retraining, whoever looks and however often."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from monitoring.retrain_requests import requests_file
from monitoring.retrain_requests.errors import (
    RequestRefused,
    RequestsUnusable,
    RequestUnanswered,
    TokenUnusable,
)
from monitoring.retrain_requests.requester import Requester
from monitoring.runs import recorded_runs, run_store
from tests.monitoring.retrain_requests.conftest import TOKEN, Runs, again, hour
from tests.waiting import wait_until
from tests.webhook_receiver import Receiver


def reasons(github: Receiver) -> list[str]:
    """What GitHub was told."""
    return [request.body["client_payload"]["reason"] for request in github.received]


def test_github_is_asked_to_retrain_and_told_why(requester: Requester, runs: Runs, github: Receiver) -> None:
    record = runs.add(0, run_id="one")
    assert requester.look(hour(0.1)) == ["requested a retraining of ann/churn: drift found at 0"]
    [request] = github.received
    assert (request.path, request.headers["Authorization"]) == ("/repos/ann/churn/dispatches", f"Bearer {TOKEN}")
    payload = {"reason": "drift found at 0", "run": record.stem, "verdict": "drift found", "run_id": "one"}
    payload |= {"summary": "drift found at 0", "model_version": "v1"}
    assert request.body == {"event_type": "retrain", "client_payload": payload}
    assert runs.said(record) == ["requested"]
    assert recorded_runs.read(record).facts["retrain_requests"][0]["command"] == "retraining of ann/churn"


def test_a_drift_that_lasts_asks_once_also_after_a_restart(requester: Requester, runs: Runs, github: Receiver) -> None:
    for at in range(60):
        runs.add(at)
        again(requester).look(hour(at + 0.1))
    assert reasons(github) == ["drift found at 0"]


def test_it_asks_once_after_the_records_of_its_beginning_were_removed(
    requester: Requester, runs: Runs, github: Receiver
) -> None:
    for at in range(6):
        runs.add(at * 24)
        requester.look(hour(at * 24 + 0.1))
        run_store.remove_before(runs.folder, hour(at * 24 - 30))
    assert len(recorded_runs.paths(runs.folder)) < 3
    assert reasons(github) == ["drift found at 0"]


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ({"code": 0}, 2),
        ({"code": 2}, 1),
        ({"code": 0, "live": "customers.csv"}, 1),
        ({"code": 0, "chosen_window": True}, 1),
        ({"code": 0, "chosen_window": False}, 2),
        ({"code": 0, "job": "performance"}, 1),
    ],
    ids=[
        "it ended",
        "nobody could tell",
        "a file was checked",
        "an old period was checked",
        "it ended in the usual window",
        "the other job",
    ],
)
def test_a_drift_that_ended_and_came_again_asks_again(
    between: dict[str, Any], expected: int, requester: Requester, runs: Runs, github: Receiver
) -> None:
    runs.add(0)
    requester.look(hour(0))
    runs.add(1, **between)
    runs.add(48)
    requester.look(hour(48))
    assert len(github.received) == expected


def test_a_new_model_that_drifts_asks_again(requester: Requester, runs: Runs, github: Receiver) -> None:
    runs.add(0)
    requester.look(hour(0))
    runs.add(48, version="v2")
    requester.look(hour(48))
    assert reasons(github) == ["drift found at 0", "drift found at 48"]


def test_two_findings_do_not_ask_within_the_pause(requester: Requester, runs: Runs, github: Receiver) -> None:
    runs.add(0)
    runs.add(1, job="performance")
    requester.look(hour(1))
    requester.look(hour(24))
    assert reasons(github) == ["drift found at 0"]
    requester.look(hour(25))
    assert reasons(github) == ["drift found at 0", "performance found at 1"]


def test_a_drift_that_costs_too_little_waits_for_a_reviewer(requester: Requester, runs: Runs, github: Receiver) -> None:
    record = runs.add(0, loss={"advised": False})
    assert requester.look(hour(0)) == []
    runs.decide(record, "retrain", 1)
    requester.look(hour(1.1))
    assert reasons(github) == ["Ana: prices rose (drift found at 0)"]


@pytest.mark.parametrize("loss", [{"advised": True}, None], ids=["advised", "not estimated"])
def test_a_drift_asks_once_a_run_advises_it_or_cannot_estimate_the_loss(
    loss: dict[str, bool] | None, requester: Requester, runs: Runs, github: Receiver
) -> None:
    runs.add(0, loss={"advised": False})
    requester.look(hour(0))
    runs.add(1, loss=loss)
    requester.look(hour(1))
    assert reasons(github) == ["drift found at 1"]


def test_a_finding_that_ended_in_the_pause_asks_for_nothing(requester: Requester, runs: Runs, github: Receiver) -> None:
    runs.add(0)
    requester.look(hour(0))
    runs.add(1, 0)
    runs.add(2)
    requester.look(hour(2))
    runs.add(3, 0)
    requester.look(hour(48))
    assert len(github.received) == 1


def test_what_is_well_and_what_cannot_tell_ask_for_nothing(requester: Requester, runs: Runs, github: Receiver) -> None:
    runs.add(0, 0)
    runs.add(1, 2)
    runs.add(2, live="customers.csv")
    runs.add(3, chosen_window=True)
    assert requester.look(hour(4)) == []
    assert github.received == []


def test_a_reviewers_decision_asks_once(requester: Requester, runs: Runs, github: Receiver) -> None:
    careful = again(requester, retrain_on="decision")
    record, later = runs.add(0), runs.add(1)
    careful.look(hour(1))
    assert github.received == []
    runs.decide(record, "retrain", at=2)
    careful.look(hour(2))
    again(careful).look(hour(3))
    assert reasons(github) == ["Ana: prices rose (drift found at 0)"]
    runs.decide(later, "retrain", at=4)
    careful.look(hour(4))
    careful.look(hour(5))
    assert len(github.received) == 1  # it is the same drift
    assert runs.said(later) == ["not requested again: a retraining was requested at 2026-03-01 14:00 UTC"]


def test_a_decision_about_a_run_that_could_not_tell_asks_as_well(
    requester: Requester, runs: Runs, github: Receiver
) -> None:
    requester.look(hour(0))
    record = runs.add(0, 2)
    runs.decide(record, "retrain", at=1, why="a broken feed is gone")
    requester.look(hour(1))
    requester.look(hour(2))
    assert reasons(github) == ["Ana: a broken feed is gone (cannot tell at 0)"]


def test_a_decision_about_a_drift_of_an_old_period_asks(requester: Requester, runs: Runs, github: Receiver) -> None:
    requester.look(hour(0))
    runs.decide(runs.add(0, chosen_window=True), "retrain", at=1)
    requester.look(hour(1))
    requester.look(hour(2))
    assert reasons(github) == ["Ana: prices rose (drift found at 0)"]


def test_a_decision_does_not_wait_for_the_pause(requester: Requester, runs: Runs, github: Receiver) -> None:
    runs.add(0)
    requester.look(hour(0))
    record = runs.add(1, job="performance")
    runs.decide(record, "retrain", at=2)
    requester.look(hour(2))
    assert reasons(github)[1:] == ["Ana: prices rose (performance found at 1)"]


@pytest.mark.parametrize("decision", ["accept", "ignore"])
def test_a_drift_that_a_reviewer_dismissed_asks_for_nothing(
    decision: str, requester: Requester, runs: Runs, github: Receiver
) -> None:
    runs.decide(runs.add(0), decision, at=0.5)
    runs.add(1)
    requester.look(hour(1))
    assert github.received == []


def test_decisions_before_the_first_look_ask_for_nothing(requester: Requester, runs: Runs, github: Receiver) -> None:
    runs.decide(runs.add(0), "retrain", at=1)
    runs.add(2, 0)
    requester.look(hour(3))
    assert github.received == []


def test_what_the_command_of_the_operator_requested_is_not_requested_again(
    requester: Requester, runs: Runs, github: Receiver
) -> None:
    requester.look(hour(0))
    record = runs.add(0)
    runs.decide(record, "retrain", at=1)
    entry = {"command": "ask", "at": hour(1).isoformat(), "exit_code": 0, "said": "requested a retraining"}
    run_store.append(record, "retrain_requests", entry)
    runs.add(2)
    requester.look(hour(2))
    assert github.received == []


@pytest.mark.parametrize(
    ("status", "body", "problem", "remedy"),
    [
        (401, b'{"message": "Bad credentials"}', "HTTP 401: Bad credentials", "The token ended or is none."),
        (403, b"<html>", "HTTP 403", "may write its contents"),
        (404, b'{"message": "Not Found"}', "HTTP 404: Not Found", "Check MONITORING_RETRAIN_REPOSITORY."),
        (429, b'{"message": ["x"]}', "HTTP 429", "It is tried again."),
        (503, b"<html>", "HTTP 503", "It is tried again."),
        (307, b"", "HTTP 307", "set MONITORING_RETRAIN_REPOSITORY to its new name"),
    ],
)
def test_a_refused_request_is_sent_again_at_the_next_look(
    status: int, body: bytes, problem: str, remedy: str, requester: Requester, runs: Runs, github: Receiver
) -> None:
    runs.add(0)
    github.answer_with(status, body, Location=f"http://127.0.0.1:{github.port}/elsewhere")
    with pytest.raises(RequestRefused) as refused:
        requester.look(hour(0))
    assert problem in str(refused.value)
    assert remedy in str(refused.value)
    assert TOKEN not in str(refused.value)
    requester.look(hour(1))
    requester.look(hour(2))
    assert [request.path for request in github.received] == ["/repos/ann/churn/dispatches"] * 2


def test_a_server_that_nobody_reaches_is_asked_again(requester: Requester, runs: Runs, github: Receiver) -> None:
    runs.add(0)
    with pytest.raises(RequestRefused, match="Connection refused"):
        again(requester, retrain_api_url="http://127.0.0.1:9").look(hour(0))
    requester.look(hour(0))
    assert len(github.received) == 1


def test_a_request_without_an_answer_is_never_repeated(requester: Requester, runs: Runs, github: Receiver) -> None:
    record = runs.add(0)
    github.go_on.clear()
    hasty = Requester(
        type(requester.repository)("ann/churn", requester.repository.api_url, requester.repository.token_file, 0.2),
        requester.settings,
        requester.pause,
    )
    with pytest.raises(RequestUnanswered, match=r"no answer within 0.2 s. It is not requested again."):
        hasty.look(hour(0))
    github.go_on.set()
    requester.look(hour(48))
    assert len(github.received) == 1
    assert "start it there by hand" in runs.said(record)[0]


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_request_that_may_have_arrived_before_a_server_error_is_never_repeated(
    status: int, requester: Requester, runs: Runs, github: Receiver
) -> None:
    record = runs.add(0)
    github.answer_with(status, b'{"message": "Server Error"}')
    with pytest.raises(
        RequestUnanswered, match=f"but GitHub answered HTTP {status}: Server Error. It is not requested"
    ):
        requester.look(hour(0))
    requester.look(hour(1))
    requester.look(hour(48))
    assert len(github.received) == 1
    assert "start it there by hand" in runs.said(record)[0]


def test_a_process_that_is_killed_while_it_asks_never_asks_again(
    requester: Requester,
    runs: Runs,
    github: Receiver,
    variables: dict[str, str],
    root: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    runs.add(0)
    github.go_on.clear()
    command = (sys.executable, "-m", "monitoring", "request-retraining", "--output-dir", str(runs.folder))
    with subprocess.Popen(command, cwd=root, env=os.environ | variables) as process:
        wait_until(lambda: github.received)
        process.send_signal(signal.SIGKILL)
    github.go_on.set()
    assert requester.look(hour(48)) == []
    assert len(github.received) == 1
    assert "nobody knows whether the request of" in caplog.text


def test_several_monitors_of_one_folder_ask_once(requester: Requester, runs: Runs, github: Receiver) -> None:
    runs.add(0)
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: again(requester).look(hour(0)), range(8)))
    assert sum(map(len, told)) == 1
    assert len(github.received) == 1


@pytest.mark.parametrize(
    ("content", "problem"), [("", "is empty"), ("two words", "holds no token"), ("tökén", "holds no token")]
)
def test_a_token_that_is_none_is_named_without_its_text(
    content: str, problem: str, requester: Requester, github: Receiver
) -> None:
    requester.repository.token_file.write_text(content, encoding="utf-8")
    with pytest.raises(TokenUnusable) as unusable:
        requester.look(hour(0))
    assert f"{problem}. No retraining is requested. Name a file that holds a token" in str(unusable.value)
    assert not content or content not in str(unusable.value)
    requester.repository.token_file.unlink()
    with pytest.raises(TokenUnusable, match="No such file or directory"):
        requester.look(hour(0))
    assert github.received == []


def test_a_decision_while_there_was_no_token_yet_asks_later(requester: Requester, runs: Runs, github: Receiver) -> None:
    record = runs.add(0, 2)
    requester.repository.token_file.write_text("")
    with pytest.raises(TokenUnusable):
        requester.look(hour(1))
    runs.decide(record, "retrain", at=2)
    with pytest.raises(TokenUnusable):
        requester.look(hour(3))
    requester.repository.token_file.write_text(TOKEN)
    requester.look(hour(4))
    requester.look(hour(5))
    assert reasons(github) == ["Ana: prices rose (cannot tell at 0)"]


def test_a_token_that_was_replaced_is_used_at_the_next_look(requester: Requester, runs: Runs, github: Receiver) -> None:
    runs.add(0)
    requester.repository.token_file.write_text("another")
    requester.look(hour(0))
    assert github.received[0].headers["Authorization"] == "Bearer another"


def test_a_damaged_file_of_requests_asks_for_nothing(requester: Requester, runs: Runs, github: Receiver) -> None:
    runs.add(0)
    requester.look(hour(0))
    file = requests_file.path(runs.folder)
    file.write_text(file.read_text()[:-20])
    runs.add(1, 0)
    runs.add(48)
    with pytest.raises(RequestsUnusable, match="remove it to begin anew"):
        requester.look(hour(48))
    assert len(github.received) == 1


def test_a_full_folder_sends_nothing(requester: Requester, runs: Runs, github: Receiver) -> None:
    runs.add(0)
    (runs.folder / "retraining" / "requests.unfinished").mkdir(parents=True)
    with pytest.raises(RequestsUnusable, match="Is a directory"):
        requester.look(hour(0))
    assert github.received == []


def test_a_damaged_record_hides_no_other(requester: Requester, runs: Runs, github: Receiver) -> None:
    runs.add(0).write_text("{")
    runs.add(1)
    requester.look(hour(1))
    assert reasons(github) == ["drift found at 1"]
