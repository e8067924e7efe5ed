"""Each alert fires, recovers, and says where to read on."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from models import durations

HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
RUN_SECONDS = 10
"""Most that a run of a job takes there."""
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


@pytest.fixture
def folder(root: Path) -> Path:
    return root / "monitoring" / "prometheus"


@pytest.fixture
def rules(folder: Path) -> list[dict[str, Any]]:
    groups = yaml.safe_load((folder / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promtool(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True, check=False)


def proves(test: dict[str, Any], alert: str) -> bool:
    """Whether the alert is seen to fire in this test, and later no more."""
    cases = [case for case in test["alert_rule_test"] if case["alertname"] == alert]
    fires = {int(case["eval_time"].removesuffix("m")): bool(case["exp_alerts"]) for case in cases}
    return any(fires.values()) and not fires[max(fires)]


@pytest.mark.prometheus
@needs_promtool
def test_prometheus_accepts_its_configuration_and_the_rules(folder: Path) -> None:
    checked = promtool(folder, "check", "config", "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "rules found" in checked.stdout


@pytest.mark.prometheus
@needs_promtool
def test_each_case_of_an_alert_ends_as_it_should(folder: Path) -> None:
    tested = promtool(folder, "test", "rules", "alerts.test.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_each_alert_has_a_case_in_which_it_fires_and_recovers(folder: Path, rules: list[dict[str, Any]]) -> None:
    tests = yaml.safe_load((folder / "alerts.test.yml").read_text())["tests"]
    alerts = [rule["alert"] for rule in rules]
    assert [alert for alert in alerts if not any(proves(test, alert) for test in tests)] == []


def test_each_alert_says_how_bad_it_is_what_was_measured_and_where_to_read_on(rules: list[dict[str, Any]]) -> None:
    assert {rule["labels"]["severity"] for rule in rules} == {"critical", "warning"}
    assert [rule["alert"] for rule in rules if "$value" not in rule["annotations"]["description"]] == []
    assert [rule["alert"] for rule in rules if not rule["annotations"]["summary"].endswith(".")] == []


def test_each_alert_has_its_section_in_the_runbook_and_each_section_its_alert(
    root: Path, rules: list[dict[str, Any]]
) -> None:
    headings = HEADING.findall((root / "docs" / "runbook.md").read_text())
    sections = [f"docs/runbook.md#{heading.lower().replace(' ', '-')}" for heading in headings]
    assert [rule["annotations"]["runbook"] for rule in rules] == sections


@pytest.fixture(scope="module")
def said(root: Path) -> dict[str, tuple[int, int]]:
    """Shortest and longest time from the shift to an alert, in seconds, as measured."""
    text = " ".join((root / "docs" / "serve.md").read_text().split())
    drift = re.search(
        r"Drift is an alert about a minute and a half after the shift \(measured: (\d+) to (\d+) s\)", text
    )
    quality = re.search(r"fallen quality about three minutes after it \((\d+) to (\d+) s\)", text)
    assert drift
    assert quality
    return {"Drift": (int(drift[1]), int(drift[2])), "QualityFallen": (int(quality[1]), int(quality[2]))}


@pytest.mark.parametrize(
    ("alert", "job", "run", "shifted_share"),
    [
        ("Drift", "DRIFT", 2, 0.3),  # the first run may come a second after the shift
        ("QualityFallen", "PERFORMANCE", 3, 0.5),  # outcomes come later, and calm customers hide the fall
    ],
)
def test_the_times_on_the_page_are_those_of_the_run_that_sees_enough(
    alert: str, job: str, run: int, shifted_share: float, said: dict[str, tuple[int, int]], root: Path, folder: Path
) -> None:
    monitor = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]["impatient-monitor"]["environment"]
    every, since = (durations.parse(monitor[f"MONITORING_{job}_{what}"]).total_seconds() for what in ("EVERY", "SINCE"))
    scrapes = yaml.safe_load((folder / "prometheus.yml").read_text())["global"]
    scrape, evaluation = (int(scrapes[f"{name}_interval"].removesuffix("s")) for name in ("scrape", "evaluation"))
    shortest, longest = said[alert]
    assert (run - 1) * every <= shortest < longest <= run * every + RUN_SECONDS + scrape + evaluation
    assert run * every / since >= shifted_share > (run - 2) * every / since  # no earlier run can see enough


@pytest.mark.parametrize("alert", ["Drift", "QualityFallen"])
def test_alerts_about_customers_fire_at_their_first_evaluation(alert: str, rules: list[dict[str, Any]]) -> None:
    assert ["for" in rule for rule in rules if rule["alert"] == alert] == [False]
