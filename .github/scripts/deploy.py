#!/usr/bin/env python3
"""`deploy.py IMAGE`: deploy an image on the host of DOCKER_HOST without a failed request, or roll back.

Instead of IMAGE: `rollback` (to the previous image), `history`, `settings` or `status`. --json prints JSON.
The settings of the running colour stay, unless others are in the environment or in DEPLOY_SETTINGS, an env file's text.
A rollback does not read DEPLOY_SETTINGS.
Exit code 0: the image serves; 1: it is not fit to serve, and the previous one still serves; 2: cannot tell;
3: the image serves, but the monitor does not judge its model.
"""

import argparse
import json
import logging
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import terminal
from rollout import compose, deployment, deployment_history, proxy, settings
from rollout.attempts import Limits
from rollout.errors import CannotTell, MonitorLeft, UsageError

DIGEST = re.compile(r"(\S+@)?sha256:[0-9a-f]{64}")


SHOWN = ("blue", "green", "monitor")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="deploy.py", description=(__doc__ or "").partition("\n")[0])
    words = "name@sha256:..., or an image id; or rollback, history, settings, status"
    parser.add_argument("image", metavar="IMAGE", help=words)
    parser.add_argument("--jobs", metavar="IMAGE", help="image of the jobs, by digest or id, that the monitor moves to")
    parser.add_argument("--drop", metavar="NAME", action="append", default=[], help="return a setting to its default")
    parser.add_argument("--ready-seconds", type=float, default=Limits.ready_seconds, help="time limit of the start")
    parser.add_argument(
        "--soak-seconds", type=float, default=Limits.soak_seconds, help="time that it is watched with clients"
    )
    parser.add_argument(
        "--max-failed-fraction",
        type=float,
        default=Limits.max_failed_fraction,
        help="share of requests that it may fail to answer in that time; the previous colour answers them",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(arguments)


def deploy(given: argparse.Namespace) -> tuple[int, Any]:
    """Deploy an image, or roll back to the previous one."""
    patience = Limits(
        ready_seconds=given.ready_seconds,
        soak_seconds=given.soak_seconds,
        max_failed_fraction=given.max_failed_fraction,
    )
    settings.check_no_env_file()
    ignored = {"DEPLOY_SETTINGS"} if given.image == "rollback" else set()  # it must not depend on what is deployed next
    environment = {name: value for name, value in os.environ.items() if name not in ignored}
    request = settings.Request(settings.read(environment), frozenset(given.drop))
    if given.image == "rollback":
        if given.jobs:
            raise UsageError("a rollback takes no --jobs: the history has the image of the jobs.")
        record = deployment.roll_back(patience, request)
    else:
        check_digest(given.image)
        if given.jobs:
            check_digest(given.jobs)
        record = deployment.deploy(given.image, given.jobs, patience, request)
    return (0 if record.result == "deployed" else 1), asdict(record)


def check_digest(image: str) -> None:
    """Check that an image is named by its digest or id.

    Raises:
        UsageError: it is not.
    """
    if not DIGEST.fullmatch(image):
        raise UsageError(
            f"{image} is a tag, which may name another image later. Name it by digest; "
            f"for an image on this host: docker image inspect --format '{{{{.Id}}}}' {image}"
        )


def history(_given: argparse.Namespace) -> tuple[int, Any]:
    """Return all deployments."""
    return 0, [asdict(record) for record in deployment_history.read()] if compose.find("proxy") else []


def current_settings(_given: argparse.Namespace) -> tuple[int, Any]:
    """Return the settings of the running colour, without passwords."""
    return 0, {"settings": {name: settings.shown(name, value) for name, value in settings.of_host().items()}}


def status(_given: argparse.Namespace) -> tuple[int, Any]:
    """Return the live colour, both containers and the monitor's; exit code 1 if nothing serves."""
    if not compose.find("proxy"):
        return 1, {"live": None, "soaking": False, **dict.fromkeys(SHOWN)}
    route = proxy.route()
    colours = {service: compose.find(service) for service in SHOWN}
    container = colours[route.live]
    serves = container is not None and container.running
    containers = {colour: asdict(found) if found else None for colour, found in colours.items()}
    return (0 if serves else 1), {"live": route.live if serves else None, "soaking": route.soaking, **containers}


def describe(facts: Any) -> str:
    """Format the JSON output as lines of text."""
    if isinstance(facts, list):
        return "\n".join(_line(record) for record in facts) or "nothing has been deployed here"
    if "settings" in facts:
        return "\n".join(f"{name}={value}" for name, value in facts["settings"].items()) or "all settings have defaults"
    if "result" in facts:
        return _line(facts)
    lines = [f"live: {facts['live'] or 'nothing'}{', soaking' if facts['soaking'] else ''}"]
    for service in SHOWN:
        if found := facts[service]:
            state = found["health"] if found["running"] else "stopped"
            lines.append(f"{service:7}  {state:9}  {found['image']}")
    return "\n".join(lines)


def _line(record: dict[str, Any]) -> str:
    version = record["model_version"] or "-"
    return f"{record['at']}  {record['result']:11}  {version}  {record['image']}  by {record['by']}: {record['reason']}"


def main(arguments: Sequence[str]) -> int:
    """Run the command, and return its exit code."""
    handler = logging.StreamHandler()
    handler.setFormatter(terminal.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    given = parse(arguments)
    do = {"history": history, "settings": current_settings, "status": status}.get(given.image, deploy)
    try:
        code, facts = do(given)
    except MonitorLeft as error:
        logging.getLogger("deploy").error("%s", error)  # noqa: TRY400  # as below
        code, facts = 3, asdict(error.record)
    except CannotTell as error:
        logging.getLogger("deploy").error("%s", error)  # noqa: TRY400  # a traceback would hide the message
        return 2
    terminal.write(f"{json.dumps(facts, indent=2) if given.json else describe(facts)}\n")
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:  # only before the deployment begins
        sys.exit(130)
