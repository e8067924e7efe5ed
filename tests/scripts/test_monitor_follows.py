"""The image of the jobs that a deployment takes, and a monitor that is left behind."""

import json
from typing import Any

import pytest
from rollout import monitor
from rollout.errors import Refused

from tests.scripts.calls import calls
from tests.scripts.conftest import Fake

JOBS = "ghcr.io/ann/shop-jobs@sha256:" + "c" * 64
PIN = json.dumps({"version": "20260301-aaaa", "digest": "0" * 64})
CONTAINER: dict[str, Any] = {
    "State": {"Running": True, "Restarting": False, "ExitCode": 0},
    "RestartCount": 0,
    "Created": "2026-01-01",
    "Config": {"Image": JOBS},
}


@pytest.fixture
def compose(root: object) -> str:
    """The words before those of Compose."""
    return f"compose --file {root}/deploy/compose.yml --profile monitor"


def test_both_images_have_one_model_or_nothing_is_deployed(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", fake("docker", run=PIN)["PATH"])
    monitor.check(JOBS, "20260301-aaaa")
    with pytest.raises(
        Refused, match="the image of the jobs has model 20260301-aaaa, and the service has 20260302-bbbb"
    ):
        monitor.check(JOBS, "20260302-bbbb")


def test_an_image_that_has_no_model_is_not_one_of_the_jobs(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", fake("docker", run="hello")["PATH"])
    with pytest.raises(Refused, match="the image of the jobs has model None"):
        monitor.check(JOBS, "20260301-aaaa")


def test_a_monitor_that_is_left_behind_is_told(fake: Fake, monkeypatch: pytest.MonkeyPatch, compose: str) -> None:
    answers = {f"{compose} ps": "c1", f"{compose} exec": PIN, "container inspect": json.dumps([CONTAINER])}
    monkeypatch.setenv("PATH", fake("docker", **answers)["PATH"])
    assert monitor.follow(None, "20260301-aaaa", {}) is None
    told = monitor.follow(None, "20260302-bbbb", {})
    assert told is not None
    assert told.startswith("the monitor still judges model 20260301-aaaa, not 20260302-bbbb. Deploy again with")


def test_without_a_monitor_nothing_is_left_behind(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", fake("docker")["PATH"])
    assert monitor.follow(None, "20260302-bbbb", {}) is None


def test_a_monitor_that_does_not_start_is_told(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, compose: str, tmp_path: Any
) -> None:
    variables = fake("docker")
    monkeypatch.setenv("PATH", variables["PATH"])
    assert monitor.follow(JOBS, "20260301-aaaa", {}) is None
    [call] = calls(tmp_path, "docker")
    assert call == f"{compose} up --detach --no-deps --wait --wait-timeout 180 monitor"
    (tmp_path / "fakes" / "docker").write_text("#!/bin/sh\necho port is already allocated >&2\nexit 1\n")
    told = monitor.follow(JOBS, "20260301-aaaa", {})
    assert told is not None
    assert told.startswith("the monitor was not moved: `docker compose")
    assert "port is already allocated" in told
