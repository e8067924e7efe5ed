"""Fixtures of the service's tests: the pinned model, copies of it to damage, apps in the test, and real processes."""

import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from demo.running_service import free_port
from models.bundles import pins
from service.app import create_app
from service.model import predictor
from service.model.predictor import Predictor
from service.settings import Settings
from tests import shipped


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let apps serve on a machine that runs other tests, too; tests of shedding set limits of their own."""
    monkeypatch.setenv("SERVICE_MAX_TURN_SECONDS", "10")


@pytest.fixture(scope="session")
def models_dir(root: Path) -> Path:
    return root / "models"


@pytest.fixture
def shelf(models_dir: Path, tmp_path: Path) -> Path:
    """A models folder of our own that holds the pinned bundle."""
    version = pins.read(models_dir).version
    shutil.copytree(models_dir / "store" / version, tmp_path / "store" / version)
    shutil.copy(models_dir / "pinned.json", tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def pinned(models_dir: Path) -> Predictor:
    shipped.require_model()
    return predictor.load(models_dir)


@pytest.fixture
def start() -> Iterator[Callable[..., TestClient]]:
    """Start an app with these settings, with the model `serving` or that of the folder."""
    with ExitStack() as stack:

        def start(*, serving: Predictor | None = None, **settings: Any) -> TestClient:
            return stack.enter_context(
                TestClient(create_app(Settings(**settings), serving=serving), base_url="http://localhost")
            )

        yield start


@pytest.fixture
def client(start: Callable[..., TestClient], pinned: Predictor) -> TestClient:
    return start(serving=pinned)


@pytest.fixture(scope="session")
def customers() -> list[dict[str, Any]]:
    """Three hundred valid customers, of whom some are not billed yet."""
    draw = random.Random(7)  # noqa: S311  # not for secrets
    return [
        {
            "tenure_months": draw.randint(0, 120),
            "monthly_charges": (monthly := round(draw.uniform(0, 500), 2)),
            "total_charges": None if draw.random() < 0.2 else round(monthly * draw.uniform(1, 120), 2),
            "support_tickets": draw.randint(0, 20),
            "contract_type": draw.randint(0, 2),
        }
        for _ in range(300)
    ]


class Launched:
    """`python -m service` on a free port, listening."""

    def __init__(self, root: Path, log: Path, *flags: str, environment: dict[str, str] | None = None) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "service", "--port", str(self.port), *flags]
        self._log = log
        with log.open("w") as out:  # a pipe that nobody reads would hold up who writes to it
            self.process = subprocess.Popen(command, cwd=root, stdout=out, env=os.environ | (environment or {}))

    def wait(self) -> None:
        """Wait until it listens."""
        while not self._listens():
            assert self.process.poll() is None, "the service ended instead of listening"
            time.sleep(0.05)

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        status, text = answer.status, answer.read().decode()
        connection.close()
        return status, text

    def stop(self, with_signal: signal.Signals = signal.SIGINT) -> list[str]:
        """Tell it to stop, by default without the time of draining, and return the lines that it logged."""
        self.process.send_signal(with_signal)
        self.process.wait(timeout=30)
        return self.lines()

    def lines(self) -> list[str]:
        """Return the lines that it logged so far."""
        return self._log.read_text().splitlines()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def launch(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Launched]]:
    """Start `python -m service` with flags; what still runs at the end of the test is stopped."""
    launched: list[Launched] = []

    def launch(*flags: str, environment: dict[str, str] | None = None, wait: bool = True) -> Launched:
        log = tmp_path_factory.mktemp("service") / "log"
        # A slow machine sheds load; only the tests of shedding, which set a limit of their own, are about that.
        patient = {"SERVICE_MAX_TURN_SECONDS": "10"} | (environment or {})
        launched.append(Launched(root, log, *flags, environment=patient))
        if wait:
            launched[-1].wait()
        return launched[-1]

    yield launch
    for service in launched:
        if service.process.poll() is None:
            service.stop()
