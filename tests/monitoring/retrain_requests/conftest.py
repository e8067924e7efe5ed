"""Records of runs, and a fake of GitHub's API that takes requests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitoring.retrain_requests import command
from monitoring.retrain_requests.requester import Requester
from monitoring.retrain_requests.settings import RetrainSettings
from monitoring.runs import run_store
from monitoring.runs.run_store import Job
from tests import webhook_receiver
from tests.webhook_receiver import Receiver

TOKEN = "github_pat_0SECRET"  # noqa: S105  # of the tests
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def hour(number: float) -> datetime:
    """The time so many hours after noon."""
    return NOON + timedelta(hours=number)


@dataclass
class Runs:
    """Writes the records that the jobs would write."""

    folder: Path

    def add(self, at: float, code: int = 1, *, job: Job = "drift", version: str = "v1", **facts: Any) -> Path:
        """Record a run so many hours after noon."""
        told = {0: "all is well", 1: f"{job} found", 2: "cannot tell"}[code]
        record = {"exit_code": code, "verdict": told, "summary": f"{told} at {at:g}", "model_version": version} | facts
        return run_store.write(record, self.folder, job, hour(at))

    def decide(self, record: Path, decision: str, at: float, why: str = "prices rose") -> None:
        """Record a decision of a reviewer."""
        entry = {"decision": decision, "by": "Ana", "why": why, "at": hour(at).isoformat(timespec="seconds")}
        run_store.append(record, "reviews", entry)

    def said(self, record: Path) -> list[str]:
        """Read what came of a run."""
        return [entry["said"] for entry in json.loads(record.read_text()).get("retrain_requests", [])]


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "var")


@pytest.fixture
def github() -> Iterator[Receiver]:
    with webhook_receiver.receiving() as receiver:
        yield receiver


@pytest.fixture
def variables(github: Receiver, tmp_path: Path) -> dict[str, str]:
    """The settings of the requests, as variables."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    return {
        "MONITORING_RETRAIN_REPOSITORY": "ann/churn",
        "MONITORING_RETRAIN_TOKEN_FILE": str(tmp_path / "token"),
        "MONITORING_RETRAIN_API_URL": f"http://127.0.0.1:{github.port}",
    }


@pytest.fixture
def requester(variables: dict[str, str], runs: Runs, monkeypatch: pytest.MonkeyPatch) -> Requester:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = command.find_requester(runs.folder)
    assert found
    return found


def again(requester: Requester, **settings: Any) -> Requester:
    """A requester as after a restart, with other settings."""
    changed = RetrainSettings.model_validate(requester.settings.model_dump() | settings)
    made = command._requester(changed)
    assert made
    return made
