"""The raw file of a run: every round, the machine and the settings. Pages and figures are made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from benchmarks.measuring.batches import Batches
from benchmarks.measuring.rounds import Cell

FOLDER = Path("benchmarks/results")


@dataclass(frozen=True)
class Record:
    """One run."""

    machine: Mapping[str, str]
    settings: Mapping[str, int]
    cells: list[Cell]
    batches: list[Batches] = field(default_factory=list)
    absent: Mapping[str, str] = field(default_factory=dict)
    """Server that could not be measured to the reason."""
    environments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Server with an environment of its own to its installed packages and their versions."""


_RECORD = TypeAdapter(Record)


def save(record: Record, page: str, name: str) -> None:
    """Write the raw file and the page."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_bytes(_RECORD.dump_json(record, indent=1) + b"\n")
    (FOLDER / f"{name}.md").write_text(page, encoding="utf-8")


def load(name: str) -> Record:
    """Read a raw file."""
    return _RECORD.validate_json((FOLDER / f"{name}.json").read_bytes())


def load_if_there(name: str) -> Record | None:
    """Read a raw file; None if it does not exist."""
    return load(name) if (FOLDER / f"{name}.json").exists() else None
