"""Measures start-up time and memory of the service: `python -m benchmarks.startup`.

Starts `python -m service` several times, as a user would.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from collections import deque
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import process
from demo.running_service import predict, running
from models.features import CONTRACT
from service.settings import Settings

LIBRARIES = ("fastapi", "uvicorn", "pydantic", "numpy", "onnxruntime")
READY_TARGET_SECONDS, MEMORY_TARGET_MB = 1.5, 150
PREDICTIONS = 200


@dataclass(frozen=True)
class Run:
    """Time and memory of one start of the service."""

    ready_seconds: float
    """Time from exec to the first 200 of /health/ready."""
    resident_mb: float
    """Resident memory after the predictions, in 10^6 bytes."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5, help="starts to measure (default 5)")
    runs = [measure() for _ in range(parser.parse_args().runs)]
    write = sys.stdout.write
    write(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    write(", ".join(f"{name} {version(name)}" for name in LIBRARIES) + f"; {len(runs)} runs\n\n")
    write(f"{'':<32}{'median':>8}{'min':>8}{'max':>8}{'target':>8}\n")
    write(_row("start to ready, s", [run.ready_seconds for run in runs], READY_TARGET_SECONDS, digits=2))
    write(_row(f"resident after {PREDICTIONS} predictions, MB", [run.resident_mb for run in runs], MEMORY_TARGET_MB))


def measure() -> Run:
    """Start the service once, request predictions, and stop it."""
    with TemporaryDirectory() as folder:
        started = time.perf_counter()
        log = {"SERVICE_OUTPUT_DIR": folder, "SERVICE_LOG_URL": f"sqlite:///{folder}/predictions.db"}
        with running(Settings().models_dir, Path(folder) / "service.log", **log) as service:
            ready_seconds = time.perf_counter() - started
            deque(predict(service.port, [CONTRACT.example] * PREDICTIONS), maxlen=0)
            return Run(ready_seconds, process.resident_mb(service.process_id))


def _row(name: str, values: list[float], target: float, digits: int = 0) -> str:
    figures = (statistics.median(values), min(values), max(values), target)
    return f"{name:<32}" + "".join(f"{figure:>8.{digits}f}" for figure in figures) + "\n"


if __name__ == "__main__":
    main()
