"""The recorded calls of a fake program."""

import json
from pathlib import Path


def calls(folder: Path, name: str) -> list[str]:
    """Return the words of each call, as one text."""
    return [" ".join(words) for words, _ in _noted(folder, name)]


def inputs(folder: Path, name: str) -> list[str]:
    """Return what each call was given to read."""
    return [text for _, text in _noted(folder, name)]


def _noted(folder: Path, name: str) -> list[tuple[list[str], str]]:
    log = folder / f"{name}.log"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
