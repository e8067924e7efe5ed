"""Page, record and workspace of a run show the same figures."""

import json
import re
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from monitoring import review
from monitoring.review import Review
from monitoring.runs import recorded_runs

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
    assert "% of columns" not in page  # as well
    assert re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']?(?:https?:)?//", page) == []


def shown_rows(page: str) -> dict[str, dict[str, str]]:
    """Column to the other cells of its row in the table of columns."""
    cells = (
        r'"importance": "([^"]*)", "distance": "([^"]+)", "limit": "([^"]+)", "ratio": "([^"]+)", "verdict": "([^"]+)"'
    )
    found = re.findall(rf'"column_name": "([^"]+)".{{1,20000}}?{cells}', page)
    names = ("importance", "distance", "limit", "ratio", "verdict")
    return {column: dict(zip(names, values, strict=True)) for column, *values in found}


def test_the_page_has_importance_distance_and_limit_of_each_column_and_the_share_that_decides(shifted: Any) -> None:
    page, record = shifted.page.read_text(), shifted.record
    assert shown_rows(page) == {
        column["name"]: {
            "importance": "" if column["importance"] is None else f"{column['importance']:.1%}",
            "distance": f"{column['distance']:.3f}",
            "limit": f"{column['limit']:.3f}",
            "ratio": f"{column['ratio']:.2f}",
            "verdict": "drifted" if column["drifted"] else "not drifted",
        }
        for column in record["columns"]
    }
    titles = [
        "Column",
        "Importance",
        "Distance",
        "Limit",
        "Distance / limit",
        "Verdict",
        "Training sample",
        "Live rows",
    ]
    [columns] = re.findall(r'"columns": (\[.+?\]), "data"', page)
    assert [column["title"] for column in json.loads(columns)] == titles
    drifted = sum(column["drifted"] for column in record["columns"])
    share = f"{record['drift_share']:.0%} of the importance"
    assert f"{drifted} of {len(record['columns'])} columns drifted; their features have {share}" in page
    assert f"drifted features have {share}" in record["summary"]


def test_title_sentence_period_model_and_decision_stand_at_the_top(shifted: Any, tmp_path: Path) -> None:
    page, record = shifted.page.read_text(), shifted.record
    assert re.search(r"<title>Drift report: drift, \d{4}-\d\d-\d\d \d\d:\d\d UTC</title>", page)
    top, decision, *_ = re.findall(r'"params": \{"text": "([^"]+)"\}', page)
    title, *lines = top.split("\\n\\n")
    assert title.startswith("# Drift report: drift, ")
    assert lines == [
        record["summary"],
        f"**Period:** the rows of {tmp_path / 'live.parquet'}",
        f"**Model:** {record['model_version']}",
        f"**Run:** {shifted.page.stem}",
    ]
    assert decision.startswith("**Decision:** none yet.")
    assert f"`python -m monitoring review {shifted.page.stem} --decision retrain " in decision


def test_the_period_of_the_log_stands_at_the_top(judge: Judge, keep: Any, customers: Draw) -> None:
    keep(customers(300, 2))
    run = judge(from_time="2026-01-01T08:00", to_time="2100-01-01T00:00")
    assert "**Period:** 2026-01-01 08:00 to 2100-01-01 00:00 UTC" in run.page.read_text()


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


def test_a_disk_that_fills_up_leaves_report_and_list_as_they_were(
    judge: Judge, customers: Draw, tmp_path: Path
) -> None:
    run = judge(customers(300, 2))
    [entry] = (tmp_path / "var" / "workspace").glob("*/snapshots/*.json")
    before = run.page.read_bytes(), entry.read_bytes()
    found = recorded_runs.read(run.page.with_suffix(".json"))
    longest = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, longest[1]))  # bytes; the record is smaller
    try:
        assert not review.save(Review("accept", "Ana", "planned"), found, tmp_path / "var")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, longest)
    assert (run.page.read_bytes(), entry.read_bytes()) == before
    assert list((tmp_path / "var").rglob("*unfinished*")) == []
    assert len(recorded_runs.read(found.path).reviews) == 1
