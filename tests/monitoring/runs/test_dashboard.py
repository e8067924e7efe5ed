"""Grafana can draw every panel of the dashboard; it would leave an invalid one blank without an error."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

COLUMNS = 24


@pytest.fixture
def folder(root: Path) -> Path:
    return root / "monitoring" / "grafana"


@pytest.fixture
def panels(folder: Path) -> list[dict[str, Any]]:
    [dashboard] = (folder / "dashboards").glob("*.json")
    found: list[dict[str, Any]] = json.loads(dashboard.read_text())["panels"]
    return found


@pytest.fixture
def drawn(panels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The panels that show something."""
    return [panel for panel in panels if panel["type"] != "row"]


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


def test_no_two_panels_are_one(panels: list[dict[str, Any]]) -> None:
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)


def test_panels_lie_on_the_grid_side_by_side(panels: list[dict[str, Any]]) -> None:
    places = {panel["title"]: panel["gridPos"] for panel in panels}
    assert [title for title, place in places.items() if place["x"] + place["w"] > COLUMNS] == []
    pairs = combinations(places, 2)
    assert [(one, other) for one, other in pairs if overlap(places[one], places[other])] == []


def test_each_panel_says_what_it_shows_and_in_which_unit(drawn: list[dict[str, Any]]) -> None:
    assert len(drawn) > 15
    assert [panel["title"] for panel in drawn if not panel["description"].endswith(".")] == []
    assert [panel["title"] for panel in drawn if not panel["fieldConfig"]["defaults"]["unit"]] == []
    assert [panel["title"] for panel in drawn if not all(target["expr"] for target in panel["targets"])] == []
    assert [panel["title"] for panel in drawn if not panel["targets"]] == []


def test_each_panel_asks_the_provisioned_source(folder: Path, drawn: list[dict[str, Any]]) -> None:
    [source] = yaml.safe_load((folder / "provisioning" / "datasources" / "prometheus.yml").read_text())["datasources"]
    asked = {"type": source["type"], "uid": source["uid"]}
    assert [panel["title"] for panel in drawn if panel["datasource"] != asked] == []
