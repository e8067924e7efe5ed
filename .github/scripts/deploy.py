#!/usr/bin/env python3
"""`deploy.py IMAGE`: serve another image on the host of DOCKER_HOST, without a failed request, or leave all as it was.

Other words instead of IMAGE: `rollback` to the image before, `history`, `status`. With --json, what came of it is JSON.
Ends with 0 (it serves), 1 (it was unfit, and what served before still does) or 2 (cannot tell).
"""

import argparse
import json
import logging
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rollout import compose, journal, proxy, story
from rollout.errors import CannotTell, Misused
from rollout.story import Patience

DIGEST = re.compile(r"(\S+@)?sha256:[0-9a-f]{64}")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="deploy.py", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "image", metavar="IMAGE", help="name@sha256:..., or the id of an image; or rollback, history, status"
    )
    parser.add_argument(
        "--ready-seconds", type=float, default=Patience.ready_seconds, help="how long it may take to start"
    )
    parser.add_argument("--soak-seconds", type=float, default=Patience.soak_seconds, help="how long it is watched")
    parser.add_argument(
        "--max-failed-fraction",
        type=float,
        default=Patience.max_failed_fraction,
        help="what it may fail to answer meanwhile; the colour before answers in its stead",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(arguments)


def deploy(given: argparse.Namespace) -> tuple[int, Any]:
    """Deploy an image, or the one before."""
    patience = Patience(
        ready_seconds=given.ready_seconds,
        soak_seconds=given.soak_seconds,
        max_failed_fraction=given.max_failed_fraction,
    )
    if given.image == "rollback":
        record = story.roll_back(patience)
    elif DIGEST.fullmatch(given.image):
        record = story.deploy(given.image, patience)
    else:
        raise Misused(
            f"{given.image} may be another image tomorrow. Name it by digest; "
            f"for one on this host: docker image inspect --format '{{{{.Id}}}}' {given.image}"
        )
    return (0 if record.result == "deployed" else 1), asdict(record)


def history(_given: argparse.Namespace) -> tuple[int, Any]:
    """Tell all deployments."""
    return 0, [asdict(record) for record in journal.read()] if compose.find("proxy") else []


def status(_given: argparse.Namespace) -> tuple[int, Any]:
    """Tell what serves; 1 when nothing does."""
    if not compose.find("proxy"):
        return 1, {"live": None, "soaking": False, "blue": None, "green": None}
    route = proxy.route()
    colours = {colour: compose.find(colour) for colour in ("blue", "green")}
    container = colours[route.live]
    serves = container is not None and container.running
    told = {colour: asdict(found) if found else None for colour, found in colours.items()}
    return (0 if serves else 1), {"live": route.live if serves else None, "soaking": route.soaking, **told}


def describe(told: Any) -> str:
    """Say in lines what is told as JSON."""
    if isinstance(told, list):
        return "\n".join(_line(record) for record in told) or "nothing has been deployed here"
    if "result" in told:
        return _line(told)
    lines = [f"live: {told['live'] or 'nothing'}{', soaking' if told['soaking'] else ''}"]
    for colour in ("blue", "green"):
        if found := told[colour]:
            state = found["health"] if found["running"] else "stopped"
            lines.append(f"{colour:5}  {state:9}  {found['image']}")
    return "\n".join(lines)


def _line(record: dict[str, Any]) -> str:
    version = record["model_version"] or "-"
    return f"{record['at']}  {record['result']:11}  {version}  {record['image']}  by {record['by']}: {record['reason']}"


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    given = parse(arguments)
    do = {"history": history, "status": status}.get(given.image, deploy)
    try:
        code, told = do(given)
    except CannotTell as error:
        logging.getLogger("deploy").error("%s", error)  # noqa: TRY400  # a traceback would bury the sentence
        return 2
    sys.stdout.write(f"{json.dumps(told, indent=2) if given.json else describe(told)}\n")
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:  # before anything began
        sys.exit(130)
