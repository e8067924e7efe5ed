"""A study: one question about a printed figure, answered by repeated samples whose truth is known."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.reporting import record, tables

Fact = str | float | int | bool | None


@dataclass(frozen=True)
class Study:
    """The answer to one question."""

    title: str
    """Heading on the page."""
    about: str
    """What was drawn, how often, and what each column means, in whole sentences."""
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    """The table, formatted; a share stands with its interval (`benchmarks.reporting.findings.rate`)."""
    conclusion: str
    """What the table shows, in one or two sentences, computed from the figures where it names any."""
    raw: Sequence[Mapping[str, Fact]]
    """Every repetition, or counts of each kind of sample."""


def save(name: str, study: Study) -> None:
    """Write the study with its raw data to `results/statistics/NAME.json`."""
    path = _path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    head = json.dumps({key: value for key, value in asdict(study).items() if key != "raw"}, indent=1)
    raw = ",\n".join(json.dumps(one) for one in study.raw)
    path.write_text(f'{head[:-2]},\n "raw": [\n{raw}\n]}}\n', encoding="utf-8")


def page(names: Iterable[str]) -> str:
    """Return the sections of all studies that have been saved, in the order of `names`."""
    return "\n".join(_section(load(name)) for name in names if is_saved(name))


def is_saved(name: str) -> bool:
    """Whether the study has been run."""
    return _path(name).exists()


def load(name: str) -> Study:
    """Read a study that has been saved."""
    return Study(**json.loads(_path(name).read_text(encoding="utf-8")))


def _section(study: Study) -> str:
    return f"## {study.title}\n\n{study.about}\n\n{tables.table(study.columns, study.rows)}\n{study.conclusion}\n"


def _path(name: str) -> Path:
    return record.FOLDER / "statistics" / f"{name}.json"
