"""Each alert fires, recovers, and says where to read on."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
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
