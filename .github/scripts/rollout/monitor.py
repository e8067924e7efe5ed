"""The monitor beside the colours: it has to judge the model that they serve, so it moves to another image with them."""

import json
import logging
from collections.abc import Mapping

import terminal

from rollout import compose
from rollout.errors import DockerFailed, Refused

logger = logging.getLogger(__name__)
PIN = ("cat", "models/pinned.json")


def check(jobs: str, model_version: str | None) -> None:
    """Compare the model of an image of the jobs with the one that the service serves; the host pulls it if necessary.

    Raises:
        Refused: they differ, or the image is not one of the jobs.
    """
    try:
        found = _version(compose.run_image(jobs, *PIN))
    except DockerFailed as error:
        raise Refused(f"the image of the jobs cannot be used: {error}") from error
    if found != model_version:
        raise Refused(f"the image of the jobs has model {found}, and the service has {model_version}. Build both anew")


def follow(jobs: str | None, model_version: str | None, variables: Mapping[str, str]) -> str | None:
    """Move the monitor to an image of the jobs, or see whether it can stay; return why it does not judge the model."""
    try:
        if jobs is not None:
            logger.info("moving the monitor to %s", jobs)
            return _move(jobs, variables)
        container = compose.find("monitor")
        if container is None or not container.running:
            return None
        found = _version(compose.execute("monitor", *PIN))
    except DockerFailed as error:
        return f"the monitor was not moved: {error}"
    if found == model_version:
        return None
    remedy = "Deploy again with the image of the jobs: deploy.py IMAGE --jobs IMAGE."
    return f"the monitor still judges model {found}, not {model_version}. {remedy}"


def _move(jobs: str, variables: Mapping[str, str]) -> str | None:
    try:
        compose.start_monitor(jobs, variables)
    except DockerFailed as error:
        return (
            f"the monitor was not moved: {terminal.last_line(error.output)}. If its port is taken, set MONITOR_PORT. "
            "If it is unhealthy, see `docker logs` of its container: docker compose -f deploy/compose.yml logs monitor"
        )
    return None


def _version(pin: str) -> str | None:
    try:
        version: str = json.loads(pin)["version"]
    except (ValueError, LookupError, TypeError):
        return None
    return version
