"""A repository on GitHub as its owner configured it, and what its workflows read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # ships no types

NAMED = re.compile(r"\b(?P<kind>secrets|vars)\.(?P<name>[A-Za-z_]\w*)")
ROW = re.compile(
    r"^\| `(?P<name>[A-Z_]+)` \| (?P<kind>secret|variable|environment) \| (?P<read_by>[^|]+) \|(?P<rest>.*)$",
    re.MULTILINE,
)
KINDS = {"secrets": ("secret", "environment"), "vars": ("variable",)}


@dataclass
class Repository:
    """Whatever can be set on GitHub's pages."""

    name: str
    private: bool = False
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)
    """Name to the secrets that only jobs in this environment get."""

    def secrets_of(self, environment: str) -> dict[str, str]:
        """Return the secrets of a job."""
        return self.secrets | self.environments.get(environment, {})


@dataclass(frozen=True)
class Event:
    """What starts workflows."""

    kind: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Of `workflow_dispatch`, as somebody typed them."""
    payload: Mapping[str, Any] = field(default_factory=dict)
    """Of `repository_dispatch`: its `client_payload`."""
    changed: Sequence[str] = ()
    """Of `push`: the files that it changed."""


@dataclass(frozen=True)
class Workflow:
    """A file of `.github/workflows`."""

    file: str
    content: Mapping[Any, Any]

    @classmethod
    def read(cls, path: Path) -> "Workflow":
        return cls(path.name, yaml.safe_load(path.read_text()))

    @property
    def triggers(self) -> Mapping[str, Any]:
        found = self.content[True]  # YAML 1.1 takes the key `on` for true
        return {name: told or {} for name, told in found.items()}

    def answers(self, event: Event) -> bool:
        """Whether an event starts it."""
        if event.kind not in self.triggers:
            return False
        if event.kind == "repository_dispatch":
            return event.payload.get("event_type") in self.triggers[event.kind]["types"]
        patterns = self.triggers[event.kind].get("paths") if event.kind == "push" else None
        return patterns is None or any(_matches(path, pattern) for path in event.changed for pattern in patterns)

    def inputs(self, event: Event) -> dict[str, str]:
        """Return the inputs, with the defaults of those that nobody typed; other events have none."""
        if event.kind != "workflow_dispatch":
            return {}
        told = self.triggers[event.kind].get("inputs", {})
        if strange := event.inputs.keys() - told.keys():
            raise ValueError(f"{self.file} has no input {strange}")
        return {name: str(one.get("default", "")) for name, one in told.items()} | dict(event.inputs)

    def reads(self) -> set[tuple[str, str]]:
        """Return the kind and name of each secret and variable that it reads."""
        return {(found["kind"], found["name"]) for text in _texts(self.content) for found in NAMED.finditer(text)}


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        for value in content.values():
            yield from _texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from _texts(value)


def _matches(path: str, pattern: str) -> bool:
    """Whether a path is one of a pattern: `*` stays within a folder, `**` does not."""
    if "**" in pattern:
        return fnmatchcase(path, pattern.replace("**", "*"))
    return fnmatchcase(path, pattern) and path.count("/") == pattern.count("/")


def workflows(root: Path) -> list[Workflow]:
    """Read all workflows of a checkout."""
    return [Workflow.read(path) for path in sorted((root / ".github" / "workflows").glob("*.yml"))]


def checklist(root: Path) -> str:
    """Return the section of docs/deploy.md."""
    page = (root / "docs" / "deploy.md").read_text()
    return page.partition("## Checklist of a new repository\n")[2].partition("\n## ")[0]


def documented(root: Path) -> dict[tuple[str, str], set[str]]:
    """Return each secret and variable in the checklist of docs/deploy.md, and the workflows that read it."""
    return {
        ("vars" if row["kind"] == "variable" else "secrets", row["name"]): set(re.findall(r"\w+\.yml", row["read_by"]))
        for row in ROW.finditer(checklist(root))
    }
