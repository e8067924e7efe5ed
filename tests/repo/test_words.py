"""Every `make` target, Compose profile and port that a page, a script or the dev container names is there."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
WORD = re.compile(r"\bmake ([a-z-]+)")
SCRIPTS = {".ci/run", ".pre-commit-config.yaml"}
PUBLISHED = re.compile(r"127\.0\.0\.1:\$\{(?P<variable>[A-Z]+_PORT):-(?P<port>\d+)\}:\d+")
ROW = re.compile(r"^\| (?P<port>\d+) \| `(?P<variable>[A-Z]+_PORT)` \|", re.MULTILINE)
OF_AIRPLAY = {5000, 7000}
"""Ports that AirPlay takes on macOS."""

PROPERTIES = {"name", "image", "features", "hostRequirements", "postCreateCommand", "postAttachCommand"} | {
    "forwardPorts",
    "portsAttributes",
    "customizations",
}
"""Of the dev container, as its specification spells them; a misspelt one would have no effect."""


def targets(root: Path) -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE))


def words_of(page: str) -> set[str]:
    return {word for code in CODE.findall(page) for word in WORD.findall(code)}


def test_every_word_that_a_page_names_can_be_made(root: Path, files: list[Path]) -> None:
    pages = {path: words_of((root / path).read_text()) for path in files if path.suffix == ".md"}
    assert [(path, words - targets(root)) for path, words in pages.items() if not words <= targets(root)] == []


def test_every_word_that_a_script_calls_can_be_made(root: Path, files: list[Path]) -> None:
    scripts = [path for path in files if path.as_posix() in SCRIPTS or path.parent.name in {"workflows", "scripts"}]
    words = {word for path in scripts for word in WORD.findall((root / path).read_text())}
    assert {"lint", "test"} <= words <= targets(root)


@pytest.fixture
def dev_container(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / ".devcontainer" / "devcontainer.json").read_text())
    return found


def test_the_dev_container_forwards_and_names_the_ports_that_compose_publishes(
    root: Path, dev_container: dict[str, Any]
) -> None:
    services = yaml.safe_load((root / "docker-compose.yml").read_text())["services"].values()
    published = {int(port.rpartition(":")[2]) for service in services for port in service.get("ports", [])}
    assert {8000, 8001, 5001} <= published
    assert sorted(dev_container["forwardPorts"]) == sorted(published)
    attributes = dev_container["portsAttributes"]
    assert {int(port) for port in attributes} == published
    assert all(re.fullmatch(r".+: (make|docker compose) .+", port["label"]) for port in attributes.values())


def test_the_dev_container_runs_commands_that_exist_on_a_python_that_ci_tests(
    root: Path, dev_container: dict[str, Any]
) -> None:
    words = set(WORD.findall(json.dumps(dev_container)))
    assert {"setup", "serve", "dashboard", "mlflow"} <= words <= targets(root)
    python = re.fullmatch(r"mcr\.microsoft\.com/devcontainers/python:\d+-(3\.\d+)-\w+", dev_container["image"])
    ci = yaml.safe_load((root / ".github" / "workflows" / "ci.yml").read_text())
    assert python is not None
    assert python[1] in ci["jobs"]["tests"]["strategy"]["matrix"]["python"]
    known = {
        "name",
        "image",
        "features",
        "hostRequirements",
        "postCreateCommand",
        "postAttachCommand",
        "customizations",
    }
    assert dev_container.keys() == known | {"forwardPorts", "portsAttributes"}  # a misspelt property has no effect
    interpreter = dev_container["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert interpreter == "${containerWorkspaceFolder}/.venv/bin/python"  # of `make setup`


def test_help_lists_every_target(root: Path) -> None:
    helped = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[0] for line in helped.splitlines()} == targets(root)


@pytest.fixture
def services(root: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]
    return found


def started(services: dict[str, dict[str, Any]], profile: str) -> set[str]:
    """Name what a profile adds."""
    return {name for name, service in services.items() if profile in service.get("profiles", [])}


def test_prometheus_starts_without_the_image_of_grafana(services: dict[str, dict[str, Any]]) -> None:
    assert started(services, "observability") == {"prometheus"}
    assert started(services, "grafana") == {"prometheus", "grafana"}


def test_the_page_names_the_variable_of_each_port(services: dict[str, dict[str, Any]], root: Path) -> None:
    words = [port for service in services.values() for port in service.get("ports", ())]
    published = {(found["port"], found["variable"]) for port in words if (found := PUBLISHED.fullmatch(port))}
    assert len(published) == len(words)
    assert set(ROW.findall((root / "docs" / "serve.md").read_text())) == published
    assert not {int(port) for port, _ in published} & OF_AIRPLAY


def test_make_and_compose_have_one_port_for_mlflow(services: dict[str, dict[str, Any]], root: Path) -> None:
    [port] = re.findall(r"^MLFLOW_PORT \?= (\d+)$", (root / "Makefile").read_text(), re.MULTILINE)
    assert services["mlflow"]["ports"] == [f"127.0.0.1:${{MLFLOW_PORT:-{port}}}:{port}"]
    assert f"--port={port}" in services["mlflow"]["command"]
