"""The page says when alerts of the demo profile come; periods, windows and intervals allow these times."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from models import durations

RUN_SECONDS = 10
"""Most that a run of a job takes there."""


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


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
    alert: str, job: str, run: int, shifted_share: float, said: dict[str, tuple[int, int]], root: Path
) -> None:
    monitor = read(root / "docker-compose.yml")["services"]["impatient-monitor"]["environment"]
    every, since = (durations.parse(monitor[f"MONITORING_{job}_{what}"]).total_seconds() for what in ("EVERY", "SINCE"))
    scrapes = read(root / "monitoring" / "prometheus" / "prometheus.yml")["global"]
    scrape, evaluation = (int(scrapes[f"{name}_interval"].removesuffix("s")) for name in ("scrape", "evaluation"))
    shortest, longest = said[alert]
    assert (run - 1) * every <= shortest < longest <= run * every + RUN_SECONDS + scrape + evaluation
    assert run * every / since >= shifted_share > (run - 2) * every / since  # no earlier run can see enough


@pytest.mark.parametrize("alert", ["Drift", "QualityFallen"])
def test_both_alerts_fire_at_their_first_evaluation(alert: str, root: Path) -> None:
    groups = read(root / "monitoring" / "prometheus" / "alerts.yml")["groups"]
    [rule] = [rule for group in groups for rule in group["rules"] if rule.get("alert") == alert]
    assert "for" not in rule
