"""Runs the service in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from demo.client import Client

START_LIMIT_SECONDS = 60
STOP_LIMIT_SECONDS = 15
POLL_SECONDS = 0.01


@dataclass(frozen=True)
class RunningService:
    """A service that is ready."""

    port: int
    """Port on 127.0.0.1."""
    process_id: int
    """Id of its parent process."""

    @property
    def url(self) -> str:
        """Base URL of the service."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def running(models_dir: Path, log: Path, **variables: str) -> Iterator[RunningService]:
    """Start `python -m service` on a free port, yield it when it is ready, and stop it at the end.

    `variables` are further environment variables, such as SERVICE_LOG_URL.
    """
    port = free_port()
    environment = {**os.environ, **variables, "SERVICE_MODELS_DIR": str(models_dir), "SERVICE_PORT": str(port)}
    with log.open("w") as out:
        process = subprocess.Popen([sys.executable, "-m", "service"], env=environment, stdout=out, stderr=out)
        try:
            _wait_until_ready(process, port, log)
            yield RunningService(port, process.pid)
        finally:
            process.send_signal(signal.SIGINT)  # like Ctrl-C: the service stops at once, without a drain period
            try:
                process.wait(STOP_LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def predict(port: int, customers: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Send customers one by one over one connection, and yield the predictions.

    Raises:
        Refused: the service answered with an error status.
    """
    with closing(Client(f"http://127.0.0.1:{port}")) as client:
        for customer in customers:
            yield client.predict(customer)


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    limit = time.monotonic() + START_LIMIT_SECONDS
    while process.poll() is None and time.monotonic() < limit:
        connection = HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/health/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(POLL_SECONDS)
    raise RuntimeError(f"the service did not become ready. See {log}.")
