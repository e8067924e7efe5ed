"""Virtual environments below var/ for packages that must not be installed into the project's own environment."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.errors import InstallFailed

FOLDER = Path("var/environments")


def prepare(requirements: Path) -> Path:
    """Install a requirements file into an environment of its own, unless done before; return its folder of programs.

    Raises:
        InstallFailed: a requirement cannot be installed.
    """
    folder = (FOLDER / requirements.stem).absolute()
    complete, programs = folder / "complete.txt", folder / "bin"
    wanted = requirements.read_text()
    if not complete.exists() or complete.read_text() != wanted:
        _uv(requirements, "venv", "--clear", "--python", sys.executable, str(folder))
        _uv(requirements, "pip", "install", "--python", str(programs / "python"), "-r", str(requirements))
        complete.write_text(wanted)
    return programs


def versions(programs: Path) -> dict[str, str]:
    """Return the installed packages: name to version."""
    command = [sys.executable, "-m", "uv", "pip", "list", "--format", "json", "--python", str(programs / "python")]
    listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return {package["name"]: package["version"] for package in json.loads(listed)}


def _uv(requirements: Path, *words: str) -> None:
    command = [sys.executable, "-m", "uv", *words]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode:
        raise InstallFailed(requirements=requirements, problem=" ".join(done.stderr.split())[-300:])
