"""How long the service takes to be ready, and how much memory it then holds: `python -m benchmarks.startup`.

Starts `python -m service` as a user would, several times. Knows nothing of the service but its addresses.
"""

import argparse
import http.client
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version

from models.features import CONTRACT

LIBRARIES = ("fastapi", "uvicorn", "pydantic", "numpy", "onnxruntime")
READY_TARGET_SECONDS, MEMORY_TARGET_MB = 1.5, 150
GIVE_UP_SECONDS = 30
PREDICTIONS = 200


@dataclass(frozen=True)
class Run:
    """What one start of the service cost."""

    ready_seconds: float
    """From exec to the first 200 of /health/ready."""
    resident_mb: float
    """After the predictions, in 10^6 bytes."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5, help="starts to measure (default 5)")
    runs = [measure() for _ in range(parser.parse_args().runs)]
    write = sys.stdout.write
    write(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    write(", ".join(f"{name} {version(name)}" for name in LIBRARIES) + f"; {len(runs)} runs\n\n")
    write(f"{'':<32}{'median':>8}{'least':>8}{'most':>8}{'target':>8}\n")
    write(_row("start to ready, s", [run.ready_seconds for run in runs], READY_TARGET_SECONDS, digits=2))
    write(_row(f"resident after {PREDICTIONS} predictions, MB", [run.resident_mb for run in runs], MEMORY_TARGET_MB))


def measure() -> Run:
    """Start the service once, ask it for predictions, and stop it."""
    started = time.perf_counter()
    with _serving() as (process, port):
        while not _is_ready(port):
            if process.poll() is not None or time.perf_counter() - started > GIVE_UP_SECONDS:
                raise SystemExit("the service did not become ready; see what `python -m service` logs")
            time.sleep(0.005)
        ready_seconds = time.perf_counter() - started
        _predict(port)
        return Run(ready_seconds, _resident_mb(process.pid))


@contextmanager
def _serving() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    command = [sys.executable, "-m", "service", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:  # our own program
        try:
            yield process, port
        finally:
            process.terminate()


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()


def _predict(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_SECONDS)
    for _ in range(PREDICTIONS):
        connection.request("POST", "/predict", json.dumps(CONTRACT.example), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.read() and answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"/predict answered {answer.status}")
    connection.close()


def _resident_mb(process_id: int) -> float:
    command = ["ps", "-o", "rss=", "-p", str(process_id)]
    kibibytes = subprocess.run(command, capture_output=True, check=True, text=True).stdout  # as above
    return int(kibibytes) * 1024 / 1e6


def _row(name: str, values: list[float], target: float, digits: int = 0) -> str:
    figures = (statistics.median(values), min(values), max(values), target)
    return f"{name:<32}" + "".join(f"{figure:>8.{digits}f}" for figure in figures) + "\n"


if __name__ == "__main__":
    main()
