"""Real Prometheus asks the real service and the monitor: every query of every alert and panel finds something."""

import json
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from demo import running_service
from models.bundles import pins
from models.features import CONTRACT
from monitoring import telemetry
from monitoring.notices import outbox
from monitoring.notices.outbox import Outbox
from monitoring.runs import run_store
from tests.monitoring.test_telemetry import OFFERS
from tests.service.stores import challenge

PATIENCE_SECONDS = 120
CUSTOMERS, MISTAKES = 40, 5
COMPARISON = re.compile(r" (==|[<>]=?) ")
RUNS: dict[run_store.Job, dict[str, Any]] = {
    "drift": {
        "exit_code": 1,
        "window_rows": 40,
        "drift_share": 0.45,
        "refused_share": 0.1,
        "columns": [
            {"name": "monthly_charges", "distance": 0.24, "limit": 0.08, "ratio": 3.0},
            {"name": "churn_probability", "distance": 0.1, "limit": 0.05, "ratio": 2.0},
        ],
        "joint": {"ratio": 0.5},
    },
    "performance": {
        "exit_code": 1,
        "window_rows": 40,
        "outcomes_rows": 20,
        "live": {
            "roc_auc": {"value": 0.7, "low": 0.6},
            "brier": {"value": 0.2},
            "calibration_error": {"value": 0.05},
            "calibration_slope": {"value": 0.9},
            "calibration_intercept": {"value": 0.1},
        },
        "estimated": {"roc_auc": {"value": 0.85}},
        "reference": {"roc_auc": {"value": 0.848}},
        "offers": OFFERS,
    },
}


class Prometheus:
    """One that asks these addresses once a second, by the shipped configuration."""

    def __init__(self, shipped: Path, folder: Path, addresses: dict[str, str]) -> None:
        self.port = running_service.free_port()
        config = yaml.safe_load((shipped / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(shipped / name) for name in config["rule_files"]]
        for job in config["scrape_configs"]:
            job["static_configs"] = [{"targets": [addresses[job["job_name"]]]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        command = [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        with (folder / "prometheus.log").open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def get(self, path: str, **parameters: str) -> Any:
        address = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)["data"]

    def values(self, query: str) -> list[float]:
        """What an instant query finds; what is not a number is nothing."""
        found = [float(sample["value"][1]) for sample in self.get("/api/v1/query", query=query)["result"]]
        return [value for value in found if value == value]  # noqa: PLR0124  # NaN is not

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)


@contextmanager
def service_in(folder: Path, models_dir: Path) -> Iterator[int]:
    """Serve predictions, and log them in this folder; yields the port."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SERVICE_OUTPUT_DIR", str(folder))
        environment.setenv("SERVICE_LOG_URL", f"sqlite:///{folder / 'predictions.db'}")
        with running_service.running(models_dir, folder / "service.log") as service:
            yield service.port


@contextmanager
def monitor_of(folder: Path, shelf: Path) -> Iterator[int]:
    """Serve the gauges of both jobs' records, and of notices; yields the port."""
    for job, facts in RUNS.items():
        run_store.write(facts, folder, job, datetime.now(UTC))
    outbox.path(folder).parent.mkdir()
    outbox.write(Outbox(), folder)
    periods: dict[run_store.Job, float] = dict.fromkeys(RUNS, 3600)
    with telemetry.serving(folder, host="127.0.0.1", port=0, periods_seconds=periods, models_dir=shelf) as port:
        yield port


def send_mistake(port: int) -> None:
    with pytest.raises(RuntimeError, match="answered 422"):
        list(running_service.predict(port, [CONTRACT.example | {"tenure_months": -1}]))


@pytest.fixture(scope="module")
def prometheus(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus over a service that has answered customers, and refused some; its model is its own shadow."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    folder = tmp_path_factory.mktemp("prometheus")
    shelf = shutil.copytree(root / "models", folder / "models")
    challenge(shelf, pins.read(shelf).version, "shadow")
    with service_in(folder, shelf) as service, monitor_of(folder, shelf) as monitor:
        addresses = {"service": f"127.0.0.1:{service}", "monitor": f"127.0.0.1:{monitor}"}
        prometheus = Prometheus(root / "monitoring" / "prometheus", folder, addresses)
        try:
            wait_for_scrapes(prometheus)
            list(running_service.predict(service, [CONTRACT.example] * CUSTOMERS))
            for _ in range(MISTAKES):
                send_mistake(service)
            yield prometheus
        finally:
            prometheus.stop()


def wait_for_scrapes(prometheus: Prometheus) -> None:
    """Wait until both programs were asked, so that what comes is an increase."""
    limit = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < limit:
        try:
            if sum(prometheus.values("up")) == 2:
                return
        except OSError:
            assert prometheus.process.poll() is None, "Prometheus ended"
        time.sleep(0.2)
    raise AssertionError("Prometheus did not reach both programs")


def silent(prometheus: Prometheus, queries: dict[str, str]) -> list[str]:
    """Name the queries that find nothing for as long as one may wait."""
    limit = time.monotonic() + PATIENCE_SECONDS
    while queries and time.monotonic() < limit:
        queries = {name: query for name, query in queries.items() if not prometheus.values(query)}
        time.sleep(0.5)
    return list(queries)


def measured(condition: str) -> str:
    """Turn a condition, which finds nothing as long as all is well, into the question whether it holds."""
    return COMPARISON.sub(r" \1 bool ", condition).replace(" unless ", " and ")


@pytest.mark.slow
@pytest.mark.prometheus
def test_what_prometheus_counts_is_what_was_sent(prometheus: Prometheus) -> None:
    answered = 'http_requests_total{job="service",method="POST",route="/predict",status="%s"} == %s'
    queries = {status: answered % (status, sent) for status, sent in (("200", CUSTOMERS), ("422", MISTAKES))}
    assert silent(prometheus, queries) == []


@pytest.mark.slow
@pytest.mark.prometheus
def test_every_alert_rests_on_something_that_is_measured(prometheus: Prometheus, root: Path) -> None:
    groups = yaml.safe_load((root / "monitoring" / "prometheus" / "alerts.yml").read_text())["groups"]
    queries = {rule["alert"]: measured(rule["expr"]) for group in groups for rule in group["rules"]}
    for alert in ("LogPartitionsMissing", "LogRowsMisplaced"):  # of logs in PostgreSQL; the gauges' own test has one
        del queries[alert]
    assert len(queries) > 10
    assert silent(prometheus, queries) == []


@pytest.mark.slow
@pytest.mark.prometheus
def test_every_panel_has_something_to_show(prometheus: Prometheus, root: Path) -> None:
    dashboard = json.loads((root / "monitoring" / "grafana" / "dashboards" / "churn_service.json").read_text())
    queries = {
        f"{panel['title']}: {target['legendFormat']}": target["expr"].replace("$__rate_interval", "5m")
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
        if "churn_model_answer" not in target["expr"]  # beside a canary; its own test asks for them
    }
    assert len(queries) > 25
    assert silent(prometheus, queries) == []


@pytest.mark.slow
@pytest.mark.prometheus
def test_the_verdicts_of_the_jobs_are_alerts_and_no_others_fire(prometheus: Prometheus) -> None:
    assert silent(prometheus, {"both": 'count(ALERTS{alertname=~"Drift|QualityFallen"}) == 2'}) == []
    alerts = prometheus.get("/api/v1/alerts")["alerts"]
    said = {alert["labels"]["alertname"]: alert["annotations"] for alert in alerts if alert["state"] == "firing"}
    assert {name: text["description"] for name, text in said.items()} == {
        "Drift": (
            "Drifted columns have 45% of the feature importance; the distance of the predictions is 2 times its limit."
        ),
        "QualityFallen": (
            "ROC-AUC is 0.700 on outcomes and 0.848 on the test set; the probabilities are off by 0.050 on average."
        ),
    }
