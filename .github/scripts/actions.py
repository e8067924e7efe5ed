"""What a step tells the workflow that runs it; on a laptop, where no workflow listens, nothing."""

import os
from pathlib import Path


def output(**values: str) -> None:
    """Give values to later steps."""
    _append("GITHUB_OUTPUT", values)


def environment(**values: str) -> None:
    """Set variables of later steps."""
    _append("GITHUB_ENV", values)


def path(folder: Path) -> None:
    """Let later steps find programs in a folder first."""
    _write("GITHUB_PATH", f"{folder}\n")


def summary(markdown: str) -> None:
    """Show text on the page of the run."""
    _write("GITHUB_STEP_SUMMARY", f"{markdown}\n")


def _append(file: str, values: dict[str, str]) -> None:
    for name, value in values.items():
        if "\n" in value:
            raise ValueError(f"{name} has more than one line, which a workflow would take for more than one value")
        _write(file, f"{name}={value}\n")


def _write(file: str, text: str) -> None:
    if target := os.environ.get(file):
        with Path(target).open("a") as lines:
            lines.write(text)
