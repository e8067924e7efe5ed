"""Describes the conditions of a measurement: machine, versions, commit, cores."""

import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.measuring import cores

LIBRARIES = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "numpy", "onnxruntime")
PLAIN_LIBRARIES = ("pandas", "scikit-learn", "xgboost-cpu", "xgboost")


def describe() -> dict[str, str]:
    """Return the conditions of a measurement: name to value."""
    pinned = f"server on core {cores.SERVER}, load on core {cores.LOAD}"
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": _output("git", "describe", "--always", "--dirty", "--abbrev=12"),
        "processor": _processor(),
        "cores": f"{os.cpu_count()}; {pinned if cores.PINNED else 'not pinned, so load and server share them'}",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load": _output("wrk", "-v").partition(" Copyright")[0],
        "libraries": ", ".join(_versions((*LIBRARIES, *PLAIN_LIBRARIES))),
    }


def _versions(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        try:
            yield f"{name} {version(name)}"
        except ModuleNotFoundError:  # only one of the two XGBoost packages is installed
            continue


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n")
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, check=False, text=True).stdout.strip() or "unknown"
    except OSError:
        return "unknown"
