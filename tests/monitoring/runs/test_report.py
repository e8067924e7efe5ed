"""Page, record and workspace of a run show the same figures."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

Judge = Callable[..., Any]
Draw = Callable[[int, int], pd.DataFrame]


@pytest.fixture
def shifted(judge: Judge, customers: Draw) -> Any:
    live = customers(600, 2)
    live["monthly_charges"] += 20
    live.loc[::8, "contract_type"] = 9
    return judge(live)


def on_page(page: str) -> dict[str, tuple[bool, float]]:
    """Column to what Evidently's own table says: drifted, and the distance in units of its limit."""
    row = r'"column_name": "([^"]+)".{1,20000}?"data_drift": "(Not )?Detected", "drift_score": ([0-9.]+)'
    return {name: (not calm, float(score)) for name, calm, score in re.findall(row, page)}


def test_the_page_stands_alone_and_decides_as_the_record_does(shifted: Any) -> None:
    page = shifted.page.read_text()
    shown = on_page(page)
    assert {name: drifted for name, (drifted, _) in shown.items()} == {
        column["name"]: column["drifted"] for column in shifted.record["columns"]
    }
    for column in shifted.record["columns"]:
        assert shown[column["name"]][1] == pytest.approx(column["distance"] / column["limit"], abs=1e-4)
    assert "Dataset Drift" not in page  # Evidently's own verdict, which weighs nothing
    assert '"value": "drift"' in page
    assert re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']?(?:https?:)?//", page) == []


def test_the_record_holds_what_was_said_and_compared(shifted: Any, shelf: Path) -> None:
    record = shifted.record
    assert record["exit_code"] == shifted.code == 1
    assert shifted.said.splitlines()[0] == record["summary"]
    assert f"report: {shifted.page}" in shifted.said.splitlines()
    assert (record["window_rows"], record["judged_rows"], record["reference_rows"]) == (600, 600, 3_000)
    assert record["model_version"] in {path.name for path in (shelf / "store").iterdir()}
    assert record["started_at"] < record["finished_at"]


def runs(output_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((output_dir / "workspace").glob("*/snapshots/*.json"))]


def test_runs_gather_in_one_project_and_keep_their_lines_when_the_number_of_rows_changes(
    judge: Judge, customers: Draw, tmp_path: Path
) -> None:
    judge(customers(300, 2))
    judge(customers(3_000, 3).assign(contract_type=1))
    first, second = runs(tmp_path / "var")
    assert {first["name"], second["name"]} == {"no drift", "drift"}  # files are named by chance
    assert first["metric_results"].keys() == second["metric_results"].keys()


def figures(run: dict[str, Any]) -> dict[tuple[str, str], float]:
    """Group and name of each of our figures, for panels, to its value."""
    results = [result for result in run["metric_results"].values() if result["type"].endswith("SingleValue")]
    located = [(result["metric_value_location"]["metric"]["params"], result["value"]) for result in results]
    return {(params["group"], params["name"]): value for params, value in located if "group" in params}


def test_the_panels_draw_what_the_record_holds(shifted: Any, tmp_path: Path) -> None:
    (run,) = runs(tmp_path / "var")
    drawn = figures(run)
    ratios = {column["name"]: column["ratio"] for column in shifted.record["columns"]}
    predictions = ratios.pop("churn_probability")
    assert {name: value for (group, name), value in drawn.items() if group == "input"} == ratios
    assert drawn["prediction", "churn_probability"] == predictions
    assert drawn["drift", "share"] == shifted.record["drift_share"]
    assert drawn["drift", "columns"] == sum(column["drifted"] for column in shifted.record["columns"])
    assert drawn["rows", "judged"] == shifted.record["judged_rows"]


def test_a_run_that_cannot_tell_is_on_the_dashboard_with_its_reason(
    judge: Judge, customers: Draw, tmp_path: Path
) -> None:
    blind = judge(customers(10, 2))
    (run,) = runs(tmp_path / "var")
    assert (run["name"], run["tags"], run["metric_results"]) == ("cannot tell", ["drift"], {})
    assert run["metadata"] == {"model_version": blind.record["model_version"]}
    assert blind.record["reason"] in json.dumps(run["widgets"], ensure_ascii=False)


def test_a_run_on_the_dashboard_is_small(shifted: Any, tmp_path: Path) -> None:
    assert shifted.code == 1
    (snapshot,) = (tmp_path / "var" / "workspace").glob("*/snapshots/*.json")
    assert snapshot.stat().st_size < 200_000
