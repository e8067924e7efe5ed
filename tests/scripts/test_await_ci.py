"""A deployment waits for the tests of exactly its commit, and refuses where they did not succeed."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from tests.scripts.conftest import Script

COMMIT = "4711"
BUSY, CUT_OFF = -403, 200
QUICK = ("--pause-seconds", "0.01")


class Actions(BaseHTTPRequestHandler):
    """The Actions API: gives one answer after the other, and then the last for ever."""

    answers: ClassVar[list[Any]] = []
    asked: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        told = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.send_response(abs(told) if isinstance(told, int) else 200)
        if told == BUSY:
            self.send_header("Retry-After", "1")
        if told == CUT_OFF:
            self.send_header("Content-Length", "4711")
        self.end_headers()
        self.wfile.write(b"{}" if isinstance(told, int) else json.dumps({"workflow_runs": told}).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def run(conclusion: str | None, *, event: str = "push", commit: str = COMMIT) -> dict[str, Any]:
    status = "completed" if conclusion else "in_progress"
    return {"conclusion": conclusion, "status": status, "event": event, "head_sha": commit, "html_url": "https://r/1"}


@pytest.fixture
def workflow() -> Iterator[dict[str, str]]:
    """The variables of a step, and the API that it asks."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Actions)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Actions.asked.clear()
    address = f"http://127.0.0.1:{server.server_port}"
    own = {"GITHUB_REPOSITORY": "ann/shop", "GITHUB_SHA": COMMIT, "GITHUB_TOKEN": "t"}
    yield own | {"GITHUB_API_URL": address, "no_proxy": "127.0.0.1"}
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    "answers",
    [
        [[run("success")]],
        [[], [run(None)], [run("success")]],
        [503, 429, [run("success")]],
        [BUSY, CUT_OFF, [run("success")]],
        [[run("failure"), run("success", event="workflow_dispatch")]],
        [[run("failure"), run(None, event="workflow_dispatch")], [run("success")]],
    ],
    ids=["done", "later", "after errors", "after half an answer", "again by hand", "again by hand, later"],
)
def test_it_goes_on_when_the_tests_of_the_commit_succeeded(
    answers: list[Any], script: Script, workflow: dict[str, str]
) -> None:
    Actions.answers[:] = answers
    done = script("await_ci.py", *QUICK, **workflow)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("ci succeeded: https://r/1\n")
    assert set(Actions.asked) == {
        (f"/repos/ann/shop/actions/workflows/ci.yml/runs?head_sha={COMMIT}&per_page=100", "Bearer t")
    }


@pytest.mark.parametrize(
    ("answers", "code", "told"),
    [
        ([[run("failure")]], 1, "ci did not succeed (failure: https://r/1). Repair it"),
        ([[run(None)], [run("cancelled")]], 1, "ci did not succeed (cancelled: https://r/1)"),
        ([[run("success", event="pull_request")]], 1, "there is no run of ci for this commit yet, after "),
        ([[run("success", commit="4712")]], 1, "there is no run of ci for this commit yet, after "),
        ([[run(None)]], 1, "ci has not ended: https://r/1, after "),
        ([502], 2, "GitHub's API does not answer"),
        ([403], 2, "GitHub answered 403. The job needs the permission `actions: read`."),
        ([{"runs": []}], 2, "is no list of runs"),
    ],
)
def test_it_refuses_where_nothing_shows_that_they_did(
    answers: list[Any], code: int, told: str, script: Script, workflow: dict[str, str]
) -> None:
    Actions.answers[:] = answers
    done = script("await_ci.py", *QUICK, "--limit-seconds", "0.05", "--start-seconds", "0.05", **workflow)
    assert (done.returncode, done.stderr) == (code, "")
    [last] = [line for line in done.stdout.splitlines() if line.startswith("::error::Not deployed: ")]
    assert told in last


def test_outside_of_a_workflow_it_says_what_is_missing(script: Script) -> None:
    done = script("await_ci.py", GITHUB_SHA=COMMIT)
    assert (done.returncode, done.stdout.count("GITHUB_REPOSITORY, GITHUB_TOKEN not set")) == (2, 1)
