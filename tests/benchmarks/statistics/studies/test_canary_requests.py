"""The study of errors and latency of a canary, with few repetitions."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.reporting import record
from benchmarks.statistics import catalogue, study, summary
from benchmarks.statistics.studies import canary_requests
from benchmarks.statistics.studies.canary_requests import EQUAL, OTHER, Case, Step

EQUAL_STEP, FAILING_STEP = Case(EQUAL[0], "once", 1_000, 0.25), Case(OTHER[2], "every hour", 1_000, 0.05)


def ended(hours: int | None) -> Step:
    return Step(looks=hours or 168, is_found_after_a_day=hours is not None, hours=hours)


def test_a_canary_that_fails_all_requests_is_withdrawn_within_hours_and_an_equal_one_stays() -> None:
    [equal], [failing] = canary_requests.repeat(EQUAL_STEP, 1), canary_requests.repeat(FAILING_STEP, 1)
    assert (equal, failing) == (ended(None), ended(3))


def test_one_step_has_failed_and_slow_requests() -> None:
    shares = {}
    for kind in (*EQUAL, OTHER[1], OTHER[-1]):
        (ours, _) = canary_requests.draw(Case(kind, "every hour", 100_000, 0.5), np.random.default_rng(1))
        failed, slow, others = (int(counted[-1].sum()) for counted in ours)
        shares[kind.name] = round(failed / (failed + slow + others), 3), round(slow / (slow + others), 3)
    assert [*shares.values()] == [(0.021, 0.029), (0.5, 0.029), (0, 0.434)]


def test_the_table_puts_both_ways_of_sending_together_and_names_the_worst_case() -> None:
    even = Case(EQUAL[0], "every hour", 1_000, 0.25)
    found = canary_requests.summarize(
        [
            (even, [ended(None)] * 2),
            (EQUAL_STEP, [ended(30), ended(None)]),
            (FAILING_STEP, [ended(4), ended(6)]),
        ]
    )
    assert [[cell.partition(" (")[0] for cell in row] for row in found.rows] == [
        ["equal, some customers fail", "1,000", "25%", "25.0%", "25.0%", "30"],
        ["fails all requests", "1,000", "5%", "100.0%", "100.0%", "5"],
    ]
    assert found.conclusion == (
        "Of 4 steps of a canary that equals the champion, with 534 looks, 1 end with its withdrawal. In the "
        "worst case (a share of 25%, 1,000 customers a day, others each day), 1 of 2 do: 50.0% (9.5% to 90.5%)."
    )
    assert found.raw[1]["withdrawn_after_hours"] == "30:1"


def test_its_sentence_tells_wrong_withdrawals_and_found_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    found = canary_requests.summarize([(EQUAL_STEP, [ended(None)] * 2), (FAILING_STEP, [ended(4)])])
    assert catalogue.STUDIES["canary_requests"] is canary_requests.make
    study.save("canary_requests", found)
    assert next(summary.sentences()) == (
        "- **`advance`: errors and latency, looked at hourly for a week.** An equal canary is withdrawn at 0 of 2 "
        "steps, 0 of 2 in the worst case; one that fails all requests of 50 customers a day or more, at 100.0% of "
        "steps or more. "
        "[Details](#a-canary-beside-the-champion-by-errors-and-latency)"
    )
