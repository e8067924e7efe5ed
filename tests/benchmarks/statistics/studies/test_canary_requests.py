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
    assert (equal, failing) == (ended(None), ended(5))


def test_two_percent_of_requests_are_bad_where_some_customers_fail_and_three_where_latency_has_heavy_tails() -> None:
    shares = {}
    for kind in (*EQUAL, OTHER[-1]):
        (bad, good), _ = canary_requests.draw(Case(kind, "every hour", 100_000, 0.5), np.random.default_rng(1))
        shares[kind.name] = round(bad[-1].sum() / (bad[-1] + good[-1]).sum(), 3)
    assert [*shares.values()] == [0.021, 0.027, 0.436]


def test_the_table_puts_both_ways_of_sending_together_and_counts_wrong_withdrawals() -> None:
    even = Case(EQUAL[0], "every hour", 1_000, 0.25)
    found = canary_requests.summarize(
        [
            (EQUAL_STEP, [ended(30), ended(None)]),
            (even, [ended(None)] * 2),
            (FAILING_STEP, [ended(4), ended(6)]),
        ]
    )
    assert [[cell.partition(" (")[0] for cell in row] for row in found.rows] == [
        ["equal, some customers fail", "1,000", "25%", "25.0%", "25.0%", "30"],
        ["fails all requests", "1,000", "5%", "100.0%", "100.0%", "5"],
    ]
    assert "Of 4 steps of a canary that equals the champion, with 534 looks, 1 end" in found.conclusion
    assert found.raw[0]["withdrawn_after_hours"] == "30:1"


def test_its_sentence_tells_wrong_withdrawals_and_found_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    found = canary_requests.summarize([(EQUAL_STEP, [ended(None)] * 2), (FAILING_STEP, [ended(4)])])
    assert catalogue.STUDIES["canary_requests"] is canary_requests.make
    study.save("canary_requests", found)
    assert next(summary.sentences()) == (
        "- **`advance`: errors and latency, looked at hourly for a week.** An equal canary is withdrawn at 0 of 2 "
        "steps; one that fails all requests of 50 customers a day or more, in at least 100.0%. "
        "[Details](#a-canary-beside-the-champion-by-errors-and-latency)"
    )
