"""What docker-compose.yml starts with each profile, and on which ports."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

PUBLISHED = re.compile(r"127\.0\.0\.1:\$\{(?P<variable>[A-Z]+_PORT):-(?P<port>\d+)\}:\d+")
ROW = re.compile(r"^\| (?P<port>\d+) \| `(?P<variable>[A-Z]+_PORT)` \|", re.MULTILINE)
OF_AIRPLAY = {5000, 7000}
"""Ports that AirPlay takes on macOS."""


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
