"""The issue about known vulnerabilities: one, which follows what the audit finds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import app_token
import pytest

from tests import webhook_receiver
from tests.scripts.conftest import Script
from tests.scripts.test_audit import Advisories, accept, advisories, folder
from tests.scripts.test_await_ci import CUT_OFF, Actions, workflow
from tests.webhook_receiver import Receiver

__all__ = ["advisories", "folder", "workflow"]  # fixtures

Bring = Callable[..., tuple[int, str, list[tuple[str, Any]]]]
LIST = "/repos/ann/churn/issues?state=open&labels=audit&per_page=100"
TITLE = "Known vulnerabilities of Python packages"


@pytest.fixture
def bring(script: Script, advisories: str, folder: Path, root: Path) -> Bring:
    """Run the script against a fake API with some open issues; returns its exit code, output and requests."""
    (folder / "requirements" / "jobs.txt").write_text((root / "requirements" / "service.txt").read_text())

    def bring(
        issues: list[dict[str, Any]], *, status: int = 200, label: str = "audit"
    ) -> tuple[int, str, list[tuple[str, Any]]]:
        with webhook_receiver.receiving() as github:
            github.answer_with(status, json.dumps(issues).encode())
            github.answer_with(200, json.dumps({"number": 8, "labels": [{"name": label}]}).encode())
            told = {"GH_TOKEN": "secret", "GITHUB_REPOSITORY": "ann/churn"}
            done = script("audit_issue.py", AUDIT_SERVICE_URL=advisories, **told, **address(github))
        return done.returncode, done.stdout + done.stderr, [(one.path, body(one.raw)) for one in github.received]

    return bring


def address(github: Receiver) -> dict[str, str]:
    return {"GITHUB_API_URL": f"http://127.0.0.1:{github.port}"}


def body(raw: bytes) -> Any:
    return json.loads(raw) if raw else None


def issue(text: str, **facts: Any) -> dict[str, Any]:
    return {"number": 7, "title": TITLE, "body": text} | facts


def test_what_is_found_becomes_one_issue_that_is_rewritten_and_closed(
    bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said, [listed, (path, opened)] = bring([issue("", title="another"), issue("", pull_request={})])
    assert (code, listed, path) == (0, (LIST, None), "/repos/ann/churn/issues")
    assert (opened["title"], opened["labels"]) == (TITLE, ["audit"])
    assert "PYSEC-2026-1, fixed in 99.1" in opened["body"]
    assert opened["body"].count("PYSEC-2026-1") == 1  # both images have the package
    assert said.endswith("Opened issue 8.\n")
    code, said, requests = bring([issue(opened["body"].replace("\n", "\r\n"))])
    assert (code, requests) == (0, [(LIST, None)])
    assert said.endswith("Issue 7 says it already.\n")
    _, said, requests = bring([issue("of last week")])
    assert requests[1] == ("/repos/ann/churn/issues/7", {"body": opened["body"]})
    monkeypatch.setattr(Advisories, "vulnerable", False)
    code, said, requests = bring([issue("of last week")])
    assert (code, requests[1]) == (
        0,
        ("/repos/ann/churn/issues/7", {"state": "closed", "state_reason": "completed"}),
    )
    code, said, requests = bring([])
    assert (code, requests) == (0, [(LIST, None)])
    assert said.endswith("No vulnerability is known, and no issue is open.\n")


def test_what_is_accepted_opens_no_issue(bring: Bring, folder: Path) -> None:
    accept(folder, days=1)
    code, _, requests = bring([])
    assert (code, len(requests)) == (0, 1)


def test_an_audit_without_an_answer_changes_no_issue_and_ends_with_2(
    bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Advisories, "status", 500)
    code, said, requests = bring([issue("of last week")])
    assert (code, "cannot tell" in said, requests) == (2, True, [])


def test_a_refused_request_ends_with_2(bring: Bring) -> None:
    code, said, _ = bring([], status=403)
    assert (code, "the issue could not be written: GET issues: HTTP 403" in said) == (2, True)
    assert "secret" not in said


def test_half_an_answer_ends_with_2(
    script: Script, advisories: str, workflow: dict[str, str], folder: Path, root: Path
) -> None:
    (folder / "requirements" / "jobs.txt").write_text((root / "requirements" / "service.txt").read_text())
    Actions.answers[:] = [CUT_OFF]
    done = script("audit_issue.py", AUDIT_SERVICE_URL=advisories, **workflow | {"GH_TOKEN": "t"})
    assert (done.returncode, "the issue could not be written: GET issues: the answer is cut off" in done.stderr) == (
        2,
        True,
    )


def test_half_an_answer_is_no_token(monkeypatch: pytest.MonkeyPatch, workflow: dict[str, str]) -> None:
    Actions.answers[:] = [CUT_OFF]
    monkeypatch.setenv("GITHUB_API_URL", workflow["GITHUB_API_URL"])
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(OSError, match="GitHub's answer about the App of RETRAIN_APP_ID is cut off"):
        app_token._ask("/repos/ann/shop/installation", "proof")


def test_an_issue_that_got_no_label_is_named_since_it_would_be_opened_again(bring: Bring) -> None:
    code, said, _ = bring([], label="bug")
    assert (code, "issue 8 has no label audit" in said) == (2, True)


def test_without_a_token_the_text_is_printed(script: Script, advisories: str, folder: Path, root: Path) -> None:
    (folder / "requirements" / "jobs.txt").write_text((root / "requirements" / "service.txt").read_text())
    done = script("audit_issue.py", cwd=folder, AUDIT_SERVICE_URL=advisories)
    assert (done.returncode, "no issue was written: GH_TOKEN" in done.stdout) == (1, True)
    assert "`make audit-issue` found:" in done.stdout
