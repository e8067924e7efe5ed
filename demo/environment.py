"""The temporary environment of a rehearsal: a copy of the project, images, a database, and a host that serves."""

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.running_service import free_port
from models.bundles import pins

POSTGRES = "postgres:17"
LEFT_OUT = (".git", ".venv", "var", "tests", "benchmarks", "docs", "__pycache__", ".*_cache")
START_LIMIT_SECONDS = 60
SET_BY_PEOPLE = ("COMPOSE_", "DEPLOY_", "MLFLOW_", "MONITORING_", "OTEL_", "SERVICE_", "TRAINING_")
"""Prefixes of variables that the rehearsal does not inherit: they are meant for real deployments, logs and models."""
FAULTY = """
import os
from service.serving.inference import Inference
from service.__main__ import main
predict, asked = Inference.predict, []
def faulty(*words, **named):
    asked.append(1)
    if len(asked) > 60:
        {fault}
    return predict(*words, **named)
Inference.predict = faulty
main()
"""
"""A service that passes its checks, and fails from its sixty-first prediction on."""


class RehearsalFailed(RuntimeError):
    """The rehearsal cannot continue: a program failed unexpectedly."""


@dataclass(frozen=True)
class Environment:
    """The project copy, the containers and the variables of one rehearsal."""

    project: Path
    """A copy of this checkout; programs run in it, and images are built from it."""
    name: str
    """Name prefix of its containers, volumes and images."""
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        """Base URL of the deployed service."""
        return f"http://127.0.0.1:{self.environment['DEPLOY_PORT']}"

    def run(self, *arguments: str, allowed: tuple[int, ...] = (0,)) -> int:
        """Run one of the project's programs with our standard output, and return its exit code.

        Raises:
            RehearsalFailed: the exit code is not in `allowed`.
        """
        code = subprocess.run(
            [sys.executable, *arguments], cwd=self.project, env=self.environment, check=False
        ).returncode
        if code not in allowed:
            raise RehearsalFailed(f"`python {' '.join(arguments[:3])}` ended with exit code {code}, not {allowed}")
        return code

    def build(self, tag: str, *, dockerfile: str | None = None) -> str:
        """Build the project's service image, or the image of the given Dockerfile text; return its id."""
        given = ["--file", "-"] if dockerfile else ["--target", "service"]
        self.docker("build", "--quiet", *given, "--tag", self.image(tag), ".", given=dockerfile)
        return self.docker("image", "inspect", "--format", "{{.Id}}", self.image(tag))

    def image(self, tag: str) -> str:
        """Return the image name with a tag."""
        return f"{self.name}:{tag}"

    def deploy(self, image: str, *, soak_seconds: int = 5, allowed: int = 0) -> None:
        """Deploy an image with deploy.py, as a person would.

        Raises:
            RehearsalFailed: the exit code is not `allowed`.
        """
        patience = ("--soak-seconds", str(soak_seconds), "--ready-seconds", "10")
        self.run(".github/scripts/deploy.py", image, *patience, allowed=(allowed,))

    def docker(self, *words: str, given: str | None = None) -> str:
        """Run docker, and return its output.

        Raises:
            RehearsalFailed: docker failed, or is not installed.
        """
        program = shutil.which("docker")
        if program is None:
            raise RehearsalFailed("the docker command is not installed. Install Docker with Compose 2, and retry.")
        done = subprocess.run(
            [program, *words],
            cwd=self.project,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RehearsalFailed(f"docker {' '.join(words[:3])}: {done.stderr.strip()[-500:]}")
        return done.stdout.strip()

    def first_key(self) -> str:
        """Return the API key that the first deployment made."""
        return self.docker("exec", f"{self.name}-blue-1", "cat", "keys/first.key")

    def pinned_version(self) -> str:
        """Return the model version that is pinned in the copy."""
        return pins.read(self.project / "models").version


@contextmanager
def setting(root: Path, folder: Path) -> Iterator[Environment]:
    """Create the environment, and remove all of it at the end, also on errors."""
    name = f"churn-rehearsal-{secrets.token_hex(3)}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(root, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
    database_port = free_port()
    own = {
        "COMPOSE_PROJECT_NAME": name,
        "DEPLOY_PORT": str(free_port()),
        "DEPLOY_OPS_PORT": str(free_port()),
        "DEPLOY_NETWORK": f"10.{200 + secrets.randbelow(50)}.{secrets.randbelow(256)}",
        "LOG_URL": f"postgresql://churn:churn@{name}-postgres/churn",
        "SERVICE_MAX_TURN_SECONDS": "5",  # the service is slow while the same machine trains
        "MONITORING_LOG_URL": f"postgresql://churn:churn@127.0.0.1:{database_port}/churn",
        "TRAINING_LOG_URL": f"postgresql://churn:churn@127.0.0.1:{database_port}/churn",
        "DO_NOT_TRACK": "true",
    }
    kept = {key: value for key, value in os.environ.items() if not key.startswith(SET_BY_PEOPLE)}
    stage = Environment(folder, name, kept | own)
    try:
        _start_database(stage, database_port)
        yield stage
    finally:
        _clear(stage)


def join_database(stage: Environment) -> None:
    """Connect the database to the network of the deployment, which exists after the first deployment."""
    address = f"{stage.environment['DEPLOY_NETWORK']}.6"  # deploy/compose.yml uses the addresses before it
    stage.docker("network", "connect", "--ip", address, f"{stage.name}_default", f"{stage.name}-postgres")


def _start_database(stage: Environment, port: int) -> None:
    variables = ("--env", "POSTGRES_USER=churn", "--env", "POSTGRES_PASSWORD=churn")
    container = f"{stage.name}-postgres"
    stage.docker("run", "--detach", "--name", container, *variables, "--publish", f"127.0.0.1:{port}:5432", POSTGRES)
    limit = time.monotonic() + START_LIMIT_SECONDS
    while True:
        try:  # over TCP, which PostgreSQL does not answer during its initialization
            stage.docker("exec", container, "pg_isready", "--host", "127.0.0.1")
        except RehearsalFailed:
            if time.monotonic() > limit:
                raise
            time.sleep(0.5)
        else:
            return


def _clear(stage: Environment) -> None:
    """Remove all containers, networks, volumes and images with the rehearsal's name."""
    named = f"name={stage.name}"
    for kind, chosen, forced in (
        ("container", ("--all", "--filter", named), ("--force", "--volumes")),
        ("network", ("--filter", named), ()),
        ("volume", ("--filter", named), ()),
        ("image", ("--filter", f"reference={stage.name}"), ("--force",)),
    ):
        if found := set(stage.docker(kind, "ls", "--quiet", *chosen).split()):
            stage.docker(kind, "rm", *forced, *found)
