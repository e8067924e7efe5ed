"""Tests of a new colour: it becomes ready, it predicts, and it answers real clients.

Each function raises `Refused` if the colour fails the test.
"""

import itertools
import json
import time
from pathlib import Path

from rollout import compose, proxy
from rollout.compose import Container
from rollout.errors import DockerFailed, Refused

SMOKE = Path(__file__).with_name("smoke.py")
OWN_ADDRESS = "http://127.0.0.1:8000"
LOOK_SECONDS = 1.0


def wait_until_ready(container: Container, limit_seconds: float) -> None:
    """Wait until a new container is healthy.

    Raises:
        Refused: the container ended, or was not healthy in time; the message has its own error.
    """
    limit = time.monotonic() + limit_seconds
    while (found := look(container)).health != "healthy":
        if found.health == "unhealthy" or time.monotonic() > limit:
            raise Refused(f"it was not ready within {limit_seconds:g} s: {_complaint(container)}")
        time.sleep(LOOK_SECONDS / 2)


def smoke(container: Container, address: str, model_version: str | None = None) -> str:
    """Run the smoke test in a container against an address, and return the version of the model.

    Raises:
        Refused: the test fails, or another model answers.
    """
    words = [address, *([model_version] if model_version else [])]
    try:
        told = compose.execute(container.service, "python", "-", *words, given=SMOKE.read_text())
    except DockerFailed as error:
        _look_later(container)
        raise Refused(f"it does not predict: {_problem(error)}") from error
    version: str = json.loads(told)["model_version"]
    return version


def watch(container: Container, *, seconds: float, max_failed_fraction: float) -> None:
    """Watch a colour while it answers clients.

    Raises:
        Refused: its container ended or became unhealthy, or it failed to answer too many requests.
    """
    since, before, limit = proxy.now(), proxy.requests(), time.monotonic() + seconds
    for looks in itertools.count(1):
        found = look(container)
        if found.health == "unhealthy":
            raise Refused("it became unhealthy while it served")
        failed = len(proxy.failures(since))
        asked = max(failed, proxy.requests() - before - looks)
        if failed > max_failed_fraction * asked:
            _look_later(container)
            raise Refused(f"it failed to answer {failed} of {asked} requests")
        if time.monotonic() > limit:
            return
        time.sleep(LOOK_SECONDS)


def look(container: Container) -> Container:
    """Return the current state of a container.

    Raises:
        Refused: the container does not run, or was restarted.
    """
    found = compose.look_again(container)
    if not found.running:
        raise Refused(f"its container ended by itself, with exit code {found.exit_code}")
    if found.restarts > container.restarts:
        raise Refused("its container ended by itself, and was started again")
    return found


def _look_later(container: Container) -> None:
    """Raise `Refused` if the container ended, which the engine reports a moment after its requests have failed."""
    time.sleep(LOOK_SECONDS)
    look(container)


def _complaint(container: Container) -> str:
    try:
        smoke(container, OWN_ADDRESS)
    except Refused as error:
        return str(error)
    return "its health check fails, although it predicts"


def _problem(error: DockerFailed) -> str:
    """Return the problem that the smoke test printed."""
    for line in error.output.split("\n"):
        if line.startswith("{"):
            problem: str = json.loads(line)["problem"]
            return problem
    return str(error)
