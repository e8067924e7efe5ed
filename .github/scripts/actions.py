"""Passes outputs, variables and summaries of a step to its GitHub workflow; outside of a workflow it does nothing."""

import os
import sys
from pathlib import Path


def output(**values: str) -> None:
    """Set outputs of the step, for later steps."""
    _append("GITHUB_OUTPUT", values)


def environment(**values: str) -> None:
    """Set environment variables of later steps."""
    _append("GITHUB_ENV", values)


def path(folder: Path) -> None:
    """Put a folder at the front of the PATH of later steps."""
    if not str(folder).isprintable():
        raise ValueError(f"{str(folder)!r} would be several folders")
    _write("GITHUB_PATH", f"{folder}\n")


def summary(markdown: str) -> None:
    """Show text on the page of the run."""
    _write("GITHUB_STEP_SUMMARY", f"{markdown}\n")


def notice(text: str) -> None:
    """Show a line of text at the top of the page of the run."""
    if os.environ.get("GITHUB_ACTIONS"):
        sys.stdout.write(f"::notice::{text}\n")


def _append(file: str, values: dict[str, str]) -> None:
    for name, value in values.items():
        if not value.isprintable():  # the runner ends a line at a carriage return, too
            raise ValueError(f"{name} has several lines or control characters; a workflow would read several values")
        _write(file, f"{name}={value}\n")


def _write(file: str, text: str) -> None:
    if target := os.environ.get(file):
        with Path(target).open("a", encoding="utf-8") as lines:
            lines.write(text)
