"""A decision is kept with its run, beside earlier ones, and Evidently's list shows the newest."""

import json
import logging
import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from models import file_lock
from monitoring import review
from monitoring.errors import DecidedMeanwhile
from monitoring.review import Review
from monitoring.runs import dashboard, recorded_runs, run_store
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


def test_the_newest_run_that_needs_a_decision_is_named_before_it_is_decided_about(
    judge: Judge, customers: Draw, decide: Decide, listed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shifted, calm = judge(customers(300, 3).assign(contract_type=1)), judge(customers(300, 2))
    assert decide("latest", decision="retrain", why="prices rose") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{shifted.page.stem} (drift): {shifted.record['summary']}",
        "retrain, by Ana: prices rose",
        f"record: {shifted.page.with_suffix('.json')}",
        "to retrain: RETRAIN_DATA=live make retrain",
    ]
    assert reviews(calm.page) == []
    [kept] = reviews(shifted.page)
    assert (kept["decision"], kept["by"], kept["why"]) == ("retrain", "Ana", "prices rose")
    version = {"model_version": shifted.record["model_version"]}
    assert listed() == {
        "no drift": (["drift"], version),
        "drift": (["drift", "retrain"], version | {"reviewed by": "Ana", "why": "prices rose"}),
    }


def test_the_decision_stands_at_the_top_of_the_report_and_on_the_dashboard(
    judge: Judge, customers: Draw, decide: Decide, tmp_path: Path
) -> None:
    run = judge(customers(300, 2))
    [kept] = (tmp_path / "var" / "workspace").glob("*/snapshots/*.json")
    before = run.page.read_text()
    decide(run.page.stem)
    decide(run.page.stem, decision="ignore", by="Ben", why="a [test](x) </script><b>")
    told = r"**Decision:** ignore, by Ben: a \[test\](x) &lt;/script&gt;&lt;b&gt;"
    for text in (run.page.read_text(), kept.read_text()):
        assert json.dumps(told)[1:-1] in text
        assert "none yet" not in text
        assert "by Ana" not in text.replace('"reviewed by": "Ana"', "")
    assert "none yet" in before
    assert run.page.read_text().count("</script>") == before.count("</script>")
    title = re.compile("<title>.*</title>")
    assert title.findall(run.page.read_text()) == title.findall(before)
    assert len(run.page.read_text()) == pytest.approx(len(before), abs=500)  # all else is still there


def test_a_run_whose_page_is_gone_is_reviewed_all_the_same(judge: Judge, customers: Draw, decide: Decide) -> None:
    run = judge(customers(300, 2))
    run.page.unlink()
    assert decide(run.page.stem) == 0
    assert not run.page.exists()


def test_a_run_is_known_by_its_record_and_by_its_id_on_the_dashboard(
    judge: Judge, customers: Draw, decide: Decide, capsys: pytest.CaptureFixture[str]
) -> None:
    first = judge(customers(300, 2))
    judge(customers(300, 3))
    for name in (first.page.stem, f"{first.page.stem}.json", first.record["run_id"]):
        assert decide(name) == 0
        said = capsys.readouterr().out
        assert said.startswith(f"{first.page.stem} (no drift): no drift in 7 columns; ")
        assert "\naccept, by Ana: planned\nrecord: " in said
    assert len(reviews(first.page)) == 3


def test_a_second_review_is_kept_as_well_and_shown_instead(
    judge: Judge, customers: Draw, decide: Decide, listed: Any
) -> None:
    run = judge(customers(300, 2))
    decide(run.page.stem)
    decide(run.page.stem, decision="ignore", by="Ben", why="a test")
    assert [one["by"] for one in reviews(run.page)] == ["Ana", "Ben"]
    tags, metadata = listed()["no drift"]
    assert (tags, metadata["reviewed by"], metadata["why"]) == (["drift", "ignore"], "Ben", "a test")


def test_a_review_changes_nothing_that_was_found(judge: Judge, customers: Draw, decide: Decide, tmp_path: Path) -> None:
    run = judge(customers(300, 2))
    [snapshot] = (tmp_path / "var" / "workspace").glob("*/snapshots/*.json")
    before = json.loads(snapshot.read_text())
    decide(run.page.stem)
    after = json.loads(snapshot.read_text())
    assert {name for name in after if after[name] != before[name]} == {"tags", "metadata", "widgets"}
    changed = [one["id"] for one, other in zip(before["widgets"], after["widgets"], strict=True) if one != other]
    assert changed == ["decision"]
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
    assert decide(run.page.stem) == 0
    assert capsys.readouterr().out.endswith("Evidently's list does not show this decision\n")
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


def test_when_all_is_decided_the_latest_is_refused_and_nothing_is_written(
    judge: Judge, customers: Draw, decide: Decide, caplog: pytest.LogCaptureFixture
) -> None:
    calm, blind = judge(customers(300, 2)), judge(customers(10, 2))
    assert (decide("latest"), decide("latest")) == (0, 2)
    assert f"no run needs a decision. To decide about one anyway, name it, such as {blind.page.stem}." in caplog.text
    assert (len(reviews(blind.page)), reviews(calm.page)) == (1, [])


def test_a_damaged_entry_of_the_dashboard_costs_no_decision(
    judge: Judge, customers: Draw, decide: Decide, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = judge(customers(10, 2))
    [entry] = (tmp_path / "var" / "workspace").glob("*/snapshots/*.json")
    for damage in ("{", "[]", "{}"):
        entry.write_text(damage)
        assert decide(run.page.stem) == 0
        assert capsys.readouterr().out.endswith("Evidently's list does not show this decision\n")
    assert len(reviews(run.page)) == 3


def test_a_decision_is_shown_before_the_next_one_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = run_store.write({"exit_code": 1, "run_id": "one"}, tmp_path, "drift", datetime(2026, 3, 1, tzinfo=UTC))
    shown = []

    def show(*_: object, by: str, **__: object) -> bool:
        with pytest.raises(TimeoutError), file_lock.held(path.with_name(".append.lock"), patience_seconds=0):
            shown.append("too early")
        shown.append(by)
        return True

    monkeypatch.setattr(dashboard, "show_review", show)
    assert review.save(Review("accept", "Ana", "planned"), recorded_runs.read(path), tmp_path)
    assert shown == ["Ana"]


def test_of_several_who_decide_at_once_one_is_recorded(tmp_path: Path) -> None:
    path = run_store.write({"exit_code": 1}, tmp_path, "drift", datetime(2026, 3, 1, tzinfo=UTC))
    run = recorded_runs.read(path)

    def attempt(number: int) -> str | None:
        try:
            review.save(Review("accept", str(number), "planned"), run, tmp_path, seen=0)
        except DecidedMeanwhile:
            return None
        return str(number)

    with ThreadPoolExecutor(8) as threads:
        [decided] = filter(None, threads.map(attempt, range(16)))
    assert [one["by"] for one in reviews(path)] == [decided]


def test_a_damaged_record_hides_no_other_and_is_named(
    decide: Decide, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = (
        run_store.write({"exit_code": 1}, tmp_path / "var", "drift", datetime(2026, 3, day, tzinfo=UTC))
        for day in (1, 2)
    )
    bad.write_text('{"reviews": [{}]}')
    assert decide("latest") == 0
    assert len(reviews(good)) == 1
    assert f"cannot be read: {bad.name}" in caplog.text
    assert decide(bad.stem) == 2
    assert "reviews.0.decision: Field required. Restore this record from a backup, or remove it." in caplog.text


def test_decisions_that_are_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    record = run_store.write({"exit_code": 1}, tmp_path, "drift", datetime(2026, 3, 1, tzinfo=UTC))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: run_store.append(record, "reviews", {"by": str(number)}), range(40)))
    assert {one["by"] for one in reviews(record)} == {str(number) for number in range(40)}


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        ('-c "import sys; print(0); print(sys.argv[1])"', 0, "{record}"),
        ('-c "raise SystemExit(3)"', 3, "no output"),
        (None, None, "No such file or directory"),
    ],
)
def test_what_came_of_the_retraining_is_told_and_kept(
    judge: Judge,
    customers: Draw,
    decide: Decide,
    capsys: pytest.CaptureFixture[str],
    command: str | None,
    code: int | None,
    told: str,
) -> None:
    run = judge(customers(10, 2))
    record = run.page.with_suffix(".json")
    words = f"{sys.executable} {command}" if command else "/nowhere/at-all"
    assert decide("latest", decision="retrain", retrain_command=words) == 0
    [started] = json.loads(record.read_text())["retrain_requests"]
    assert (started["exit_code"], told.format(record=record) in started["said"]) == (code, True)
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{words}: ")
