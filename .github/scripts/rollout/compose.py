"""Starts, inspects and stops the containers of deploy/compose.yml on the host of DOCKER_HOST."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from rollout.errors import DockerFailed, PortTaken, UsageError
from rollout.setting_names import SETTINGS

Colour = Literal["blue", "green"]
FOLDER = Path(__file__).parents[3] / "deploy"
ENV_FILE = ("--env-file", os.devnull)  # a value from deploy/.env would be in no label
COMPOSE = ("docker", "compose", *ENV_FILE, "--file", str(FOLDER / "compose.yml"), "--profile", "monitor")
NONE: Mapping[str, str] = MappingProxyType({})
PULL_SECONDS, COMMAND_SECONDS = 900, 60
TAKEN = re.compile(r"port is already allocated|address already in use|Ports are not available")
"""What engines say of a port that another program has."""


@dataclass(frozen=True)
class Container:
    """The state of one container."""

    service: str
    """Service name in the Compose file."""
    name: str
    """Container id."""
    image: str
    """Image that was requested: a digest."""
    created: str
    """Time at which it was made, UTC."""
    running: bool
    restarts: int
    """Number of restarts by the engine after the container ended by itself."""
    health: str
    """starting, healthy or unhealthy."""
    exit_code: int
    """Exit code of its last end."""


def run(*words: str, given: str = "", seconds: float = COMMAND_SECONDS, variables: Mapping[str, str] = NONE) -> str:
    """Run `docker compose` with `given` as its standard input; return its output.

    Raises:
        DockerFailed: the exit code is not 0, or the command took longer than `seconds`.
    """
    return _run([*COMPOSE, *words], given, seconds, variables)


def _run(command: list[str], given: str, seconds: float, variables: Mapping[str, str] = NONE) -> str:
    own = environment(variables)
    try:
        done = subprocess.run(
            command, input=given, env=own, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise DockerFailed(command=command, output=f"no answer within {seconds:g} s") from None
    except FileNotFoundError:
        raise UsageError("the docker command is not installed. Install Docker with Compose 2.") from None
    if done.returncode:
        raise DockerFailed(command=command, output=f"{done.stdout}\n{done.stderr}")
    return done.stdout


def environment(variables: Mapping[str, str] = NONE) -> dict[str, str]:
    """Return the environment of a docker command: no settings but those among `variables`."""
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return inherited | {"NGINX_CONF": (FOLDER / "nginx.conf").read_text()} | dict(variables)


def start_proxy(variables: Mapping[str, str]) -> None:
    """Start the proxy unless it runs; a running proxy is not replaced, even if the configuration has changed.

    Raises:
        PortTaken: another program has one of its ports. No container of it stays, so that another port counts.
    """
    words = ("up", "--detach", "--wait", "--wait-timeout", "60", "--no-recreate", "proxy")
    try:
        run(*words, seconds=PULL_SECONDS, variables=variables)
    except DockerFailed as error:
        if not TAKEN.search(error.output):
            raise
        run("rm", "--force", "proxy")  # one that runs stays
        raise PortTaken(output=error.output) from error


def start(colour: Colour, image: str, variables: Mapping[str, str]) -> Container:
    """Replace a colour's container by a new one of the image, which the host pulls if necessary."""
    words = ("up", "--detach", "--no-deps", "--force-recreate", colour)
    run(*words, seconds=PULL_SECONDS, variables={**variables, f"{colour.upper()}_IMAGE": image})
    container = find(colour)
    if container is None:
        raise DockerFailed(command=["docker", "compose", "up", colour], output="there is no container")
    return container


def start_monitor(image: str, variables: Mapping[str, str]) -> None:
    """Start the monitor, or replace it if image or settings differ, and wait until it serves its gauges."""
    words = ("up", "--detach", "--no-deps", "--wait", "--wait-timeout", "180", "monitor")
    run(*words, seconds=PULL_SECONDS, variables={**variables, "MONITOR_IMAGE": image})


def run_image(image: str, *command: str) -> str:
    """Run a command in a container of its own, without network; the host pulls the image if necessary."""
    program, *words = command
    isolated = ("--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--entrypoint", program)
    return _run(["docker", "run", *isolated, image, *words], "", PULL_SECONDS)


def stop(colour: Colour) -> None:
    """Stop a colour after its open requests are answered; its container and image stay."""
    run("stop", colour)


def remove(colour: Colour) -> None:
    """Stop a colour, and remove its container; its volume stays."""
    run("rm", "--stop", "--force", colour)


def find(service: str) -> Container | None:
    """Return a service's container; None if there is none."""
    names = run("ps", "--all", "--quiet", service).split()
    return _inspect(service, names[0]) if names else None


def look_again(container: Container) -> Container:
    """Return the current state of a container."""
    return _inspect(container.service, container.name)


def labels_and_variables(container: Container) -> tuple[dict[str, str], dict[str, str]]:
    """Return the labels of a container, and the environment variables of its program."""
    config = _facts(container.name)["Config"]
    return config["Labels"] or {}, dict(line.split("=", 1) for line in config["Env"] or () if "=" in line)


def default_variables(service: str) -> dict[str, str | None]:
    """Return the environment variables of a service without any settings."""
    found: dict[str, str | None] = json.loads(run("config", "--format", "json"))["services"][service]["environment"]
    return found


def network(container: Container) -> str | None:
    """Return the first three numbers of the address that a container was given; None if it was given none."""
    joined = (_facts(container.name).get("NetworkSettings") or {}).get("Networks") or {}
    addresses = [(one.get("IPAMConfig") or {}).get("IPv4Address") for one in joined.values()]
    return next((address.rpartition(".")[0] for address in addresses if address), None)


def host_port(container: Container, port: str) -> str | None:
    """Return the port of the host at which a container's own port is published; None if it is not."""
    published = (_facts(container.name).get("HostConfig", {}).get("PortBindings") or {}).get(f"{port}/tcp")
    return str(published[0]["HostPort"]) if published else None


def _facts(name: str) -> dict[str, Any]:
    [found] = json.loads(_run(["docker", "container", "inspect", name], "", COMMAND_SECONDS))
    facts: dict[str, Any] = found
    return facts


def _inspect(service: str, name: str) -> Container:
    found = _facts(name)
    state = found["State"]
    return Container(
        service=service,
        name=name,
        image=found["Config"]["Image"],
        created=found["Created"],
        running=state["Running"] and not state["Restarting"],
        restarts=found["RestartCount"],
        health=state.get("Health", {}).get("Status", "none"),
        exit_code=state["ExitCode"],
    )


def execute(service: str, *command: str, given: str = "", user: str = "") -> str:
    """Run a command in a running container; return its output."""
    flags = ["--user", user] if user else []
    return run("exec", "-T", *flags, service, *command, given=given)
