"""Whether a colour is fit to serve: it gets ready, it predicts, and goes on doing so with real clients.

Each function returns when it is, and raises when it is not.
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
        Refused: it ended, or took too long; with what it says of itself.
    """
    limit = time.monotonic() + limit_seconds
    while (found := look(container)).health != "healthy":
        if found.health == "unhealthy" or time.monotonic() > limit:
            raise Refused(f"it was not ready within {limit_seconds:g} s: {_complaint(container)}")
        time.sleep(LOOK_SECONDS / 2)


def smoke(container: Container, address: str, model_version: str | None = None) -> str:
    """Let a container predict at an address, and return the version of its model.

    Raises:
        Refused: it does not, or another model answers.
    """
    words = [address, *([model_version] if model_version else [])]
    try:
        told = compose.execute(container.service, "python", "-", *words, given=SMOKE.read_text())
    except DockerFailed as error:
        time.sleep(LOOK_SECONDS)  # if it ended, the engine knows by then
        look(container)
        raise Refused(f"it does not predict: {_problem(error)}") from error
    version: str = json.loads(told)["model_version"]
    return version


def watch(container: Container, *, seconds: float, max_failed_fraction: float) -> None:
    """Look on while a colour answers clients.

    Raises:
        Refused: its container ended or fell ill, or too many requests were not answered by it.
    """
    since, before, limit = proxy.now(), proxy.requests(), time.monotonic() + seconds
    for looks in itertools.count(1):
        found = look(container)
        if found.health == "unhealthy":
            raise Refused("it fell ill while it served")
        failed = len(proxy.failures(since))
        asked = max(failed, proxy.requests() - before - looks)
        if failed > max_failed_fraction * asked:
            raise Refused(f"it failed to answer {failed} of {asked} requests")
        if time.monotonic() > limit:
            return
        time.sleep(LOOK_SECONDS)


def look(container: Container) -> Container:
    """Return how a container is now.

    Raises:
        Refused: it does not run, or not without a break.
    """
    found = compose.look_again(container)
    if not found.running:
        raise Refused(f"its container ended by itself, with exit code {found.exit_code}")
    if found.restarts > container.restarts:
        raise Refused("its container ended by itself, and was started again")
    return found


def _complaint(container: Container) -> str:
    try:
        smoke(container, OWN_ADDRESS)
    except Refused as error:
        return str(error)
    return "its health check fails, although it predicts"


def _problem(error: DockerFailed) -> str:
    """Find what the smoke test said in what is left of it."""
    for line in error.output.splitlines():
        if line.startswith("{"):
            problem: str = json.loads(line)["problem"]
            return problem
    return str(error)
