"""The image of the jobs that a deployment takes, and a monitor that is left behind."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from rollout import deployment, monitor
from rollout.attempts import Attempt, Limits
from rollout.errors import MonitorLeft, Refused
from rollout.lock import Hold, Holder

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


SERVICE = "ghcr.io/ann/shop@sha256:" + "a" * 64
OF_ANN = Holder(by="ann", action="deploy", image=SERVICE, at="2026-03-01T00:00:00+00:00")
HANGS = """
if " up " in words and words.endswith(" monitor"):
    import time
    pathlib.Path({started!r}).touch()
    time.sleep(60)
"""


@pytest.fixture
def compose(root: object) -> str:
    """The words before those of Compose."""
    return f"compose --env-file /dev/null --file {root}/deploy/compose.yml --profile monitor"


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
    assert told.endswith(": deploy.py IMAGE --jobs IMAGE.")


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
    assert told.startswith(
        "the monitor was not moved: port is already allocated. If its port is taken, set MONITOR_PORT."
    )
    assert "`docker logs`" in told
    assert "docker info" not in told


@pytest.fixture
def host(fake: Fake, monkeypatch: pytest.MonkeyPatch, compose: str) -> None:
    """A host on which every deployment succeeds; blue is live."""
    healthy = CONTAINER | {"State": CONTAINER["State"] | {"Health": {"Status": "healthy"}}}
    answers = {
        f"{compose} ps": "c1",
        "container inspect": json.dumps([healthy]),
        "run": PIN,
        f"{compose} exec -T green python": json.dumps({"model_version": "20260301-aaaa"}),
    }
    monkeypatch.setenv("PATH", fake("docker", **answers)["PATH"])


def attempt(**settings: str) -> Attempt:
    return Attempt(SERVICE, "deploy", Limits(soak_seconds=0), settings, JOBS)


@pytest.mark.usefixtures("host")
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")  # killed, and not waited for
def test_a_rollback_does_not_wait_for_a_monitor_that_moves(tmp_path: Path) -> None:
    started, docker = tmp_path / "started", tmp_path / "fakes" / "docker"
    docker.write_text(docker.read_text() + HANGS.format(started=str(started)))
    hold, over = Hold(OF_ANN, None), threading.Event()

    def interrupt() -> None:
        while not started.exists() and not over.wait(0.01):
            pass
        hold.receive("bob")

    rollback = threading.Thread(target=interrupt)
    rollback.start()
    try:
        with pytest.raises(
            MonitorLeft, match=r"^the monitor was not moved: a rollback by bob interrupted it\.$"
        ) as left:
            deployment._try(attempt(), hold)
    finally:
        over.set()
        rollback.join()
    assert str(left.value) == "the monitor was not moved: a rollback by bob interrupted it."
    assert (left.value.record.result, left.value.record.image) == ("deployed", SERVICE)


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("wanted", ["true", "false"])
def test_a_host_without_a_monitor_does_not_pull_the_image_of_the_jobs(wanted: str, tmp_path: Path) -> None:
    record = deployment._try(attempt(DEPLOY_MONITOR=wanted), Hold(OF_ANN, None))
    assert record.result == "deployed"
    assert any(JOBS in call for call in calls(tmp_path, "docker")) == (wanted == "true")
