"""Records of runs are written, found and removed."""

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitoring.runs import run_store

FIRST, SECOND = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)


def test_a_record_holds_what_was_found_and_when(tmp_path: Path) -> None:
    record = run_store.write({"verdict": "no drift"}, tmp_path, "drift", FIRST)
    assert record == tmp_path / "reports" / "20260301T120000.000000Z-drift.json"
    kept = json.loads(record.read_text())
    assert (kept["verdict"], datetime.fromisoformat(kept["started_at"])) == ("no drift", FIRST)
    assert datetime.fromisoformat(kept["finished_at"]) > FIRST


def test_the_newest_record_is_that_of_the_last_run_of_its_job(tmp_path: Path) -> None:
    run_store.write({"exit_code": 1}, tmp_path, "drift", SECOND)
    run_store.write({"exit_code": 0}, tmp_path, "drift", FIRST)
    run_store.write({"exit_code": 2}, tmp_path, "performance", FIRST)
    drift, performance = run_store.newest(tmp_path, "drift"), run_store.newest(tmp_path, "performance")
    assert drift is not None
    assert performance is not None
    assert (drift["exit_code"], performance["exit_code"]) == (1, 2)


def test_a_job_that_never_ran_has_no_record(tmp_path: Path) -> None:
    run_store.write({}, tmp_path, "drift", FIRST)
    assert run_store.newest(tmp_path, "performance") is None
    assert run_store.newest(tmp_path / "nowhere", "drift") is None


def test_a_number_that_json_cannot_say_leaves_the_last_record_in_place(tmp_path: Path) -> None:
    run_store.write({"exit_code": 0}, tmp_path, "drift", FIRST)
    with pytest.raises(ValueError, match="not JSON compliant"):
        run_store.write({"share": math.nan}, tmp_path, "drift", SECOND)
    assert [kept.name for kept in (tmp_path / "reports").iterdir()] == ["20260301T120000.000000Z-drift.json"]


def test_old_runs_are_forgotten_whole_and_others_stay_whole(tmp_path: Path) -> None:
    snapshots = tmp_path / "workspace" / "project" / "snapshots"
    snapshots.mkdir(parents=True)
    for at, run_id in ((FIRST, "one"), (SECOND, "two")):
        record = run_store.write({"run_id": run_id}, tmp_path, "drift", at)
        record.with_suffix(".html").touch()
        (snapshots / f"{run_id}.json").touch()
    assert run_store.remove_before(tmp_path, before=SECOND) == 1
    assert [path.name for path in snapshots.iterdir()] == ["two.json"]
    kept = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert kept == ["20260301T120001.000000Z-drift.html", "20260301T120001.000000Z-drift.json"]


@pytest.mark.parametrize("damage", ["{", "[]"])
def test_a_damaged_record_is_forgotten_like_others(damage: str, tmp_path: Path) -> None:
    run_store.write({}, tmp_path, "drift", FIRST).write_text(damage)
    run_store.write({}, tmp_path, "performance", FIRST)
    assert run_store.remove_before(tmp_path, before=SECOND) == 2
    assert list((tmp_path / "reports").iterdir()) == []
