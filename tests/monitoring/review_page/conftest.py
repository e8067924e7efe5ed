"""The dashboard's pages in the test, with runs of both jobs and a stand-in for Evidently's own app."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from monitoring.review_page.app import create_app
from monitoring.runs import run_store
from monitoring.settings import DashboardSettings
from service.access import keys_file

HOST = "127.0.0.1:8001"
OWN = {"Origin": f"http://{HOST}"}
"""What a browser sends with a form of the dashboard itself."""
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DECISION = {"decision": "retrain", "by": "Ana Sousa", "why": "prices rose"}
DRIFT: dict[str, Any] = {
    "verdict": "drift",
    "exit_code": 1,
    "summary": "drift in 1 of 2 columns: monthly_charges (K-S distance 0.24, limit 0.08)",
    "model_version": "20260301-1a2b",
    "from": "2026-02-28T12:00:00+00:00",
    "to": "2026-03-01T12:00:00+00:00",
    "window_rows": 5_000,
    "drift_share": 0.45,
    "min_drift_share": 0.1,
    "columns": [
        {"name": "tenure_months", "method": "K-S distance", "distance": 0.02, "limit": 0.08, "ratio": 0.25}
        | {"importance": 0.55, "drifted": False},
        {"name": "monthly_charges", "method": "K-S distance", "distance": 0.24, "limit": 0.08, "ratio": 3.0}
        | {"importance": 0.45, "drifted": True},
    ],
}
CALM = DRIFT | {"verdict": "no drift", "exit_code": 0, "summary": "no drift in 2 columns", "drift_share": 0.0}
FALLEN: dict[str, Any] = {
    "verdict": "quality fallen",
    "exit_code": 1,
    "summary": "quality fallen: ROC-AUC worse by 0.207, limit 0.050",
    "model_version": "20260201-3c4d",
    "live": {"roc_auc": {"value": 0.641, "low": 0.603, "high": 0.675}},
    "reference": {"roc_auc": {"value": 0.848, "low": 0.834, "high": 0.861}},
    "checks": [{"metric": "roc_auc", "worse_by": 0.207, "limit": 0.05, "broken": True}],
}
BLIND: dict[str, Any] = {
    "verdict": "cannot tell",
    "exit_code": 2,
    "summary": "cannot tell: 12 rows",
    "reason": "12 rows",
}


class Evidently:
    """A stand-in for Evidently's app that says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        self.asked.append(f"{request.method} {request.url.path}")
        answer: Response = PlainTextResponse("of Evidently")
        await answer(scope, receive, send)


@pytest.fixture
def evidently() -> Evidently:
    return Evidently()


@pytest.fixture
def visit(tmp_path: Path, evidently: Evidently) -> Iterator[Callable[..., TestClient]]:
    """Open the dashboard of `tmp_path` with these settings, as a browser would."""
    with ExitStack() as stack:

        def visit(**settings: Any) -> TestClient:
            made = create_app(
                DashboardSettings(output_dir=tmp_path, **settings),
                evidently=evidently,
                evidently_page="/projects/0a",
                project="Churn",
            )
            client = TestClient(made, base_url=f"http://{HOST}", follow_redirects=False)
            return stack.enter_context(client)

        yield visit


@pytest.fixture
def client(visit: Callable[..., TestClient]) -> TestClient:
    return visit()


@pytest.fixture
def ran(tmp_path: Path) -> Callable[..., str]:
    """Leave the record of a run that began some hours before noon, and return its name."""

    def ran(facts: dict[str, Any], hours_before: float = 0, job: run_store.Job = "drift", **more: Any) -> str:
        return run_store.write(facts | more, tmp_path, job, NOON - timedelta(hours=hours_before)).stem

    return ran


@pytest.fixture
def record(tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Read the record of a run."""

    def record(name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((tmp_path / "reports" / f"{name}.json").read_text())
        return found

    return record


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A keys file, which has no key yet."""
    path = tmp_path / "keys" / "keys.toml"
    keys_file.add(path, "other", ["predict"], None)
    return path
