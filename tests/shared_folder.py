"""Folders that are made once in a run of the tests, though several processes run them."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from models import file_lock

_PATIENCE_SECONDS = 540
"""Time for another process to make the folder, on a busy machine."""


def make_once(temporary: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that the first process fills; its content belongs to all, so that no test may change it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        folder = temporary.mktemp(name)
        make(folder)
        return folder
    folder = temporary.getbasetemp().parent / f"shared-{name}"
    with file_lock.held(folder.with_suffix(".lock"), patience_seconds=_PATIENCE_SECONDS):
        finished = folder.with_suffix(".finished")
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a process that was ended
            folder.mkdir()
            make(folder)
            finished.touch()
    return folder
