"""A review is kept with its run, beside earlier ones, and the dashboard's list shows the newest."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from monitoring import review
from monitoring.settings import ReviewSettings

Judge = Callable[..., Any]
Draw = Callable[[int, int], pd.DataFrame]
Decide = Callable[..., int]


@pytest.fixture
def decide(tmp_path: Path) -> Decide:
    """Review a run of these tests."""

    def decide(run: str, **decision: str) -> int:
        chosen = {"decision": "accept", "by": "Ana", "why": "planned"} | decision
        return review.run_review(ReviewSettings.model_validate({"run": run, "output_dir": tmp_path / "var"} | chosen))

    return decide


@pytest.fixture
def listed(tmp_path: Path) -> Callable[[], dict[str, Any]]:
    """Read what the dashboard lists: verdict to tags and metadata."""

    def listed() -> dict[str, Any]:
        runs = [json.loads(path.read_text()) for path in (tmp_path / "var" / "workspace").glob("*/snapshots/*.json")]
        return {run["name"]: (run["tags"], run["metadata"]) for run in runs}

    return listed


def reviews(page: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(page.with_suffix(".json").read_text()).get("reviews", [])
    return found


def test_the_latest_run_is_reviewed_and_no_other(judge: Judge, customers: Draw, decide: Decide, listed: Any) -> None:
    calm, shifted = judge(customers(300, 2)), judge(customers(300, 3).assign(contract_type=1))
    assert decide("latest", decision="retrain", why="prices rose") == 0
    assert reviews(calm.page) == []
    [kept] = reviews(shifted.page)
    assert (kept["decision"], kept["by"], kept["why"]) == ("retrain", "Ana", "prices rose")
    version = {"model_version": shifted.record["model_version"]}
    assert listed() == {
        "no drift": (["drift"], version),
        "drift": (["drift", "retrain"], version | {"reviewed by": "Ana", "why": "prices rose"}),
    }


def test_a_run_is_known_by_its_record_and_by_its_id_on_the_dashboard(
    judge: Judge, customers: Draw, decide: Decide, capsys: pytest.CaptureFixture[str]
) -> None:
    first = judge(customers(300, 2))
    judge(customers(300, 3))
    for name in (first.page.stem, f"{first.page.stem}.json", first.record["run_id"]):
        assert decide(name) == 0
        assert capsys.readouterr().out.startswith(f"{first.page.stem} (no drift): accept, by Ana: planned\nrecord: ")
    assert len(reviews(first.page)) == 3


def test_a_second_review_is_kept_as_well_and_shown_instead(
    judge: Judge, customers: Draw, decide: Decide, listed: Any
) -> None:
    run = judge(customers(300, 2))
    decide("latest")
    decide("latest", decision="ignore", by="Ben", why="a test")
    assert [one["by"] for one in reviews(run.page)] == ["Ana", "Ben"]
    tags, metadata = listed()["no drift"]
    assert (tags, metadata["reviewed by"], metadata["why"]) == (["drift", "ignore"], "Ben", "a test")


def test_a_review_changes_nothing_that_was_found(judge: Judge, customers: Draw, decide: Decide, tmp_path: Path) -> None:
    run = judge(customers(300, 2))
    [snapshot] = (tmp_path / "var" / "workspace").glob("*/snapshots/*.json")
    before = json.loads(snapshot.read_text())
    decide("latest")
    after = json.loads(snapshot.read_text())
    assert {name for name in after if after[name] != before[name]} == {"tags", "metadata"}
    record = json.loads(run.page.with_suffix(".json").read_text())
    assert {name: value for name, value in record.items() if name != "reviews"} == run.record


def test_a_run_that_could_not_tell_can_be_reviewed(judge: Judge, customers: Draw, decide: Decide, listed: Any) -> None:
    judge(customers(10, 2))
    assert decide("latest", decision="ignore") == 0
    assert listed()["cannot tell"][0] == ["drift", "ignore"]


def test_a_run_that_the_dashboard_lost_keeps_its_review_and_says_so(
    judge: Judge, customers: Draw, decide: Decide, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = judge(customers(300, 2))
    [snapshot] = (tmp_path / "var" / "workspace").glob("*/snapshots/*.json")
    snapshot.unlink()
    assert decide("latest") == 0
    assert capsys.readouterr().out.endswith("the dashboard does not show this run\n")
    assert len(reviews(run.page)) == 1


@pytest.mark.parametrize("name", ["20260301T120000.000000Z-drift", "../../etc/passwd", ""])
def test_an_unknown_run_is_refused_with_the_name_of_one_that_is_known(
    judge: Judge, customers: Draw, decide: Decide, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    run = judge(customers(300, 2))
    with caplog.at_level(logging.ERROR):
        assert decide(name) == 2
    assert f"no record of a run {name}. Give the name of its record, such as {run.page.stem}, its id" in caplog.text
    assert reviews(run.page) == []


def test_without_any_run_the_remedy_is_to_make_one(decide: Decide, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert decide("latest") == 2
    assert "Run `python -m monitoring drift` first" in caplog.text
