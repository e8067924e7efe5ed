"""The gate refuses live rows that nearly all come from one reporter whom the fit was not told to trust."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from models.bundles.format.provenance import LiveRows, Provenance, Reported
from tests.live_log import DAY, NOW
from tests.stores import Shelf
from training.promotion import reporter_check
from training.promotion.gate_result import Check

EVEN = {"crm": 500, "app": 500}


def live(rows: Mapping[str, int], test_rows: Mapping[str, int] = EVEN, *, trusted: list[str] | None = None) -> LiveRows:
    reported = Reported(trusted=trusted, rows=dict(rows), test_rows=dict(test_rows), contradicted_predictions=0)
    return LiveRows.model_validate(
        {
            "rows": 1_000,
            "first_made_at": NOW - 90 * DAY,
            "last_made_at": NOW,
            "left_out_rows": 0,
            "predictions": 1_000,
            "outcomes": 1_000,
            "newest_outcome_share": 1,
            "older_outcome_share": 1,
            "without_inputs": 0,
            "other_contract": 0,
            "models": {"v1": 1_000},
            "canary_rows": 0,
            "outcome_known_when": "recorded",
            "mature_after_days": 0,
            "days_until_known": {"churned": 1, "stayed": 1},
            "reported": reported,
        }
    )


def check(found: LiveRows, *, max_share: float = 0.9) -> Check:
    [done] = reporter_check.check(found, max_share=max_share)
    return done


@pytest.mark.parametrize(
    ("rows", "test_rows", "reason"),
    [
        ({"crm": 899, "app": 101}, EVEN, ""),
        ({"crm": 900, "app": 100}, EVEN, "crm reported 90.0% of the live rows"),
        (EVEN, {"stranger": 95, "crm": 5}, "stranger reported 95.0% of the test rows"),
        ({"crm": 1}, {"crm": 1}, "crm reported 100.0% of the test rows"),
    ],
)
def test_one_reporter_gives_too_many_of_all_rows_or_of_the_test_rows(
    rows: dict[str, int], test_rows: dict[str, int], reason: str
) -> None:
    done = check(live(rows, test_rows))
    assert done.passed == (not reason)
    assert reason in done.reason
    assert ("repeat the `fit` or `recalibrate` with --trusted-reporters" in done.reason) == bool(reason)


def test_a_reporter_that_the_fit_was_told_to_trust_may_give_all() -> None:
    assert check(live({"crm": 1_000}, {"crm": 200}, trusted=["app", "crm"])).passed
    assert not check(live({"crm": 1_000}, {"crm": 200}, trusted=["app"])).passed


def test_the_share_is_a_setting() -> None:
    assert not check(live({"crm": 600, "app": 400}), max_share=0.6).passed
    assert check(live({"crm": 600, "app": 400}), max_share=0.61).passed
    assert not check(live({"crm": 1_000}), max_share=1).passed


def test_a_manifest_that_does_not_say_who_reported_is_a_doubt() -> None:
    done = check(live(EVEN).model_copy(update={"reported": None}))
    assert not done.passed
    assert "does not say who reported" in done.reason


def test_rows_of_other_sources_are_not_asked_for_a_reporter() -> None:
    assert list(reporter_check.check(None, max_share=0.9)) == []


def test_the_refusal_is_told_as_every_other_and_the_champion_stays(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    def publish(reported: LiveRows) -> str:
        def change(_files: Path, facts: dict[str, object]) -> None:
            data = facts["data"]
            assert isinstance(data, Provenance)
            facts["data"] = data.model_copy(update={"live": reported})

        return shelf.alter(shelf.good, change)

    shelf.serve(shelf.bad)
    report = shelf.folder / "report.md"
    assert shelf.promote(publish(live({"stranger": 970, "crm": 30})), "--report", str(report)) == 1
    assert shelf.serving == shelf.bad
    told = capsys.readouterr().out
    assert "because stranger reported 97.0% of the live rows: if these outcomes are right" in told
    assert told.count("because") == 1
    assert "reporters of live rows" in report.read_text()

    even = live({"crm": 600, "app": 400}, trusted=["app"])
    assert shelf.promote(publish(even), "--max-reporter-share", "0.6") == 1
    assert "because crm reported 60.0% of the live rows" in capsys.readouterr().out

    named = publish(live({"crm": 1_000}, {"crm": 200}, trusted=["crm"]))
    assert shelf.promote(named) == 0
    assert shelf.serving == named
