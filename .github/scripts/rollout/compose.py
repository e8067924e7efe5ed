"""Starts, inspects and stops the containers of deploy/compose.yml on the host of DOCKER_HOST."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rollout.errors import DockerFailed, UsageError

Colour = Literal["blue", "green"]
FOLDER = Path(__file__).parents[3] / "deploy"
PULL_SECONDS, COMMAND_SECONDS = 900, 60


@dataclass(frozen=True)
class Container:
    """The state of one container."""

    service: str
    """Service name in the Compose file."""
    name: str
    """Container id."""
    image: str
    """Image that was requested: a digest."""
    running: bool
    restarts: int
    """Number of restarts by the engine after the container ended by itself."""
    health: str
    """starting, healthy or unhealthy."""
    exit_code: int
    """Exit code of its last end."""


def run(*words: str, given: str = "", seconds: float = COMMAND_SECONDS, images: dict[str, str] | None = None) -> str:
    """Run `docker compose` with `given` as its standard input; return its output.

    Raises:
        DockerFailed: the exit code is not 0, or the command took longer than `seconds`.
    """
    return _run(["docker", "compose", "--file", str(FOLDER / "compose.yml"), *words], given, seconds, images)


def _run(command: list[str], given: str, seconds: float, images: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            command, input=given, env=environment(images), capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise DockerFailed(command=command, output=f"no answer within {seconds:g} s") from None
    except FileNotFoundError:
        raise UsageError("the docker command is not installed. Install Docker with Compose 2.") from None
    if done.returncode:
        raise DockerFailed(command=command, output=f"{done.stdout}\n{done.stderr}")
    return done.stdout


def environment(images: dict[str, str] | None = None) -> dict[str, str]:
    """Return the environment variables that the Compose file needs."""
    return os.environ | {"NGINX_CONF": (FOLDER / "nginx.conf").read_text()} | (images or {})


def start_proxy() -> None:
    """Start the proxy unless it runs; a running proxy is not replaced, even if the configuration has changed."""
    run("up", "--detach", "--wait", "--wait-timeout", "60", "--no-recreate", "proxy", seconds=PULL_SECONDS)


def start(colour: Colour, image: str) -> Container:
    """Replace a colour's container by a new one of the image, which the host pulls if necessary."""
    images = {f"{colour.upper()}_IMAGE": image}
    run("up", "--detach", "--no-deps", "--force-recreate", colour, seconds=PULL_SECONDS, images=images)
    container = find(colour)
    if container is None:
        raise DockerFailed(command=["docker", "compose", "up", colour], output="there is no container")
    return container


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


def _inspect(service: str, name: str) -> Container:
    [found] = json.loads(_run(["docker", "container", "inspect", name], "", COMMAND_SECONDS))
    state = found["State"]
    return Container(
        service=service,
        name=name,
        image=found["Config"]["Image"],
        running=state["Running"] and not state["Restarting"],
        restarts=found["RestartCount"],
        health=state.get("Health", {}).get("Status", "none"),
        exit_code=state["ExitCode"],
    )


def execute(service: str, *command: str, given: str = "", user: str = "") -> str:
    """Run a command in a running container; return its output."""
    flags = ["--user", user] if user else []
    return run("exec", "-T", *flags, service, *command, given=given)
