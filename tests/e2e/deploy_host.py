"""A host that serves, of its own name, network and port, with clients who never stop asking."""

import http.client
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.running_service import free_port
from models.features import CONTRACT

JSON = {"Content-Type": "application/json"}
CLIENTS, PAUSE_SECONDS = 4, 0.02


def run(*command: str, environment: dict[str, str] | None = None) -> str:
    """Run a command that has to succeed; returns what it printed."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@dataclass(frozen=True)
class Host:
    """What `deploy.py` sees as the host of DOCKER_HOST."""

    root: Path
    environment: dict[str, str]

    @classmethod
    def new(cls, root: Path) -> "Host":
        """Name one that collides with nobody."""
        network = f"10.{secrets.randbelow(100) + 100}.{secrets.randbelow(256)}"
        own = {
            "COMPOSE_PROJECT_NAME": f"churn-test-{secrets.token_hex(4)}",
            "DEPLOY_NETWORK": network,
            "DEPLOY_PORT": str(free_port()),
            "DEPLOY_OPS_PORT": str(free_port()),
            "MONITOR_PORT": str(free_port()),
            "SERVICE_MAX_TURN_SECONDS": "5",  # a busy machine is not what is tested
        }
        return cls(root, os.environ | own)

    @property
    def port(self) -> int:
        return int(self.environment["DEPLOY_PORT"])

    @property
    def key(self) -> str:
        """The first key, which all deployments on this host share."""
        _, told = self.tell("status")
        return self.compose("exec", "-T", told["live"], "cat", "keys/first.key")

    def command(self, *words: str) -> list[str]:
        return [sys.executable, str(self.root / ".github" / "scripts" / "deploy.py"), *words, "--json"]

    def begin(self, image: str, *, soak_seconds: float = 60) -> "subprocess.Popen[bytes]":
        """Start a deployment that will soak for long, and wait until clients are sent to the new colour."""
        words = (image, "--soak-seconds", str(soak_seconds))
        process = subprocess.Popen(self.command(*words), env=self.environment, stdout=subprocess.PIPE)
        try:
            while process.poll() is None and not self.soaks():
                time.sleep(0.1)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        return process

    def soaks(self) -> bool:
        """Whether a colour is being watched; a status that fails, as while a container is replaced, does not say so."""
        code, told = self.tell("status")
        return code == 0 and bool(told["soaking"])

    def deploy(
        self, image: str, *, soak_seconds: float = 3, ready_seconds: float = 60, jobs: str | None = None
    ) -> tuple[int, Any]:
        """Return the exit code and the record of a deployment."""
        patience = ("--soak-seconds", str(soak_seconds), "--ready-seconds", str(ready_seconds))
        return self.tell(image, *patience, *(("--jobs", jobs) if jobs else ()))

    def return_to(self, image: str) -> None:
        """Deploy an image, with no settings but its own."""
        strange = self.settings().keys() - self.environment.keys()
        dropped = (word for name in strange for word in ("--drop", name))
        code, record = self.tell(image, "--soak-seconds", "0", "--ready-seconds", "120", *dropped)
        assert code == 0, record

    def settings(self) -> dict[str, str]:
        """Return the settings that the next deployment will keep."""
        found: dict[str, str] = self.tell("settings")[1]["settings"]
        return found

    def tell(self, *words: str) -> tuple[int, Any]:
        """Return the exit code and the JSON of a command; its complaint where there is none."""
        done = subprocess.run(self.command(*words), env=self.environment, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def compose(self, *words: str) -> str:
        return run(
            "docker", "compose", "--file", f"{self.root}/deploy/compose.yml", *words, environment=self.environment
        )

    def serving(self) -> tuple[str, str | None]:
        """Return the live colour's image, and the version of the model that answers clients."""
        _, told = self.tell("status")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/model", headers={"X-API-Key": self.key})
        version = json.load(connection.getresponse())["version"]
        connection.close()
        return told[told["live"]]["image"], version


@dataclass
class Traffic:
    """What steady clients saw, each on a connection that it keeps as long as the other side does."""

    answers: Counter[tuple[int, str]] = field(default_factory=Counter)
    """How many, by status and version of the model."""
    failed: list[str] = field(default_factory=list)
    """Requests without an answer."""
    slowest_seconds: float = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def ask_on(self, port: int, key: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        while not self.stop.wait(PAUSE_SECONDS):
            began = time.monotonic()
            try:
                connection.request("POST", "/predict", json.dumps(CONTRACT.example), JSON | {"X-API-Key": key})
                answer = connection.getresponse()
                self.answers[answer.status, json.load(answer).get("model_version", "")] += 1
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                connection.close()
            self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)
        connection.close()

    @property
    def versions(self) -> set[str]:
        return {version for _, version in self.answers}

    def none_failed(self) -> bool:
        """Tell whether many were asked, and every one was answered with a prediction."""
        return sum(self.answers.values()) > 100 and not self.failed and {status for status, _ in self.answers} == {200}


@contextmanager
def traffic(host: Host, key: str | None = None) -> Iterator[Traffic]:
    """Ask until the block ends, with the first key or another."""
    seen, key = Traffic(), host.key if key is None else key
    threads = [threading.Thread(target=seen.ask_on, args=(host.port, key)) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        seen.stop.set()
        for thread in threads:
            thread.join(timeout=30)
