"""A canary advances, stays or is withdrawn by itself, and stays on any doubt."""

import base64
import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pytest
from scipy import stats

from models.answer_counts import CUSTOMER_GROUPS
from models.bundles import pin_history, pins
from tests.stores import Shelf
from tests.training.promotion.live import prometheus_server
from tests.training.promotion.live.prometheus_server import Counted, Prometheus
from tests.training.promotion.live.trial_log import Log
from training.promotion.live import guardrails


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    with prometheus_server.serving() as server:
        yield server


class Canary:
    """A canary that began thirty days ago, and the command that a timer calls."""

    def __init__(self, shelf: Shelf, log: Log, prometheus: Prometheus) -> None:
        self._shelf, self._log, self._prometheus = shelf, log, prometheus

    def begin(self, champion: str, version: str, *, share: str = "0.05", are_named: bool = True) -> None:
        self._shelf.serve(champion)
        assert self._shelf.run("challenge", version, "--mode", "canary", "--share", share) == 0
        self.let_time_pass()
        self._log.answer(champion, seed=1, are_named=are_named)
        self._log.answer(version, seed=2, are_named=are_named)

    def let_time_pass(self, days: int = 30) -> None:
        path = self._shelf.models_dir / pin_history.HISTORY
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            line["at"] = (datetime.fromisoformat(line["at"]) - timedelta(days=days)).isoformat()
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    def advance(self, *words: str) -> int:
        return self._shelf.run("advance", "--log-url", self._log.url, "--prometheus-url", self._prometheus.url, *words)

    @property
    def share(self) -> float | None:
        challenger = pins.read(self._shelf.models_dir).challenger
        return challenger.share if challenger else None

    @property
    def last(self) -> tuple[str, str]:
        last = pin_history.read(self._shelf.models_dir).changes[-1]
        return last.change, last.why


@pytest.fixture
def canary(shelf: Shelf, log: Log, prometheus: Prometheus) -> Canary:
    return Canary(shelf, log, prometheus)


def test_a_better_canary_goes_all_steps_and_each_is_in_the_history(
    shelf: Shelf, canary: Canary, capsys: pytest.CaptureFixture[str]
) -> None:
    canary.begin(shelf.bad, shelf.good)
    for share in (0.25, 0.5):
        capsys.readouterr()
        assert canary.advance() == 0
        assert canary.share == share
        change, why = canary.last
        assert (change, why) == ("challenge", f"by itself: {capsys.readouterr().out.partition(': ')[2].strip()}")
        assert canary.advance() == 0  # nobody has been answered at this step
        assert "of the customers: 0 outcomes, at least 500 are needed" in capsys.readouterr().out
        assert canary.share == share
        canary.let_time_pass()
    assert canary.advance() == 0
    assert f"canary {shelf.good} is the champion now: better in " in capsys.readouterr().out
    assert (shelf.serving, canary.share) == (shelf.good, None)
    assert canary.last[0] == "promote"


def test_a_worse_canary_is_withdrawn(shelf: Shelf, canary: Canary, capsys: pytest.CaptureFixture[str]) -> None:
    canary.begin(shelf.good, shelf.bad)
    capsys.readouterr()
    assert canary.advance() == 1
    assert f"canary {shelf.bad} is withdrawn from 5% of the customers: it is worse in " in capsys.readouterr().out
    assert (shelf.serving, canary.share) == (shelf.good, None)
    assert canary.last[0] == "withdraw"


@pytest.mark.parametrize(
    ("counted", "bad", "what"),
    [
        (Counted(950, failed=50), "50 of its 1,000", "failed"),
        (Counted(100, slow=40), "40 of its 100", "took longer than 0.01 s"),
    ],
    ids=["errors", "latency"],
)
def test_a_model_that_fails_or_is_slow_is_withdrawn_although_the_service_as_a_whole_is_well(
    counted: Counted, bad: str, what: str, shelf: Shelf, canary: Canary, prometheus: Prometheus
) -> None:
    canary.begin(shelf.bad, shelf.good)
    prometheus.canary = counted
    assert canary.advance() == 1
    told = f"{bad} requests {what} in the last 24h, and 0 of the champion's 19,000; the limit is 1.0% more"
    assert (canary.share, canary.last) == (None, ("withdraw", f"by itself: {told} than of the champion's"))


@pytest.mark.parametrize(
    ("champion", "counted", "told"),
    [
        (
            Counted(18_000, failed=1_000),
            Counted(950, failed=50),
            "50 of its 1,000 requests failed in the last 7d, and 1,000",
        ),
        (Counted(500), Counted(39, failed=1), "1 of its 40 requests failed in the last 7d, and 0"),
        (
            Counted(19_000),
            Counted(700, failed=300, bad_groups=6),
            "300 of its 1,000 requests failed in the last 7d, and 0",
        ),
        (
            Counted(500, slow=400),
            Counted(100, slow=90),
            "90 of its 100 requests took longer than 0.01 s in the last 7d, and 400",
        ),
        (Counted(500), Counted(0), "it got no request with a customer_id in the last 7d"),
        (Counted(0), Counted(50, failed=50), "50 of its 100 requests failed in the last 7d, and 0 of the champion's 0"),
    ],
    ids=["both fail", "one failure", "few customers who retry", "both are slow", "no request", "none of the champion"],
)
def test_what_is_not_surely_its_own_fault_neither_advances_nor_withdraws_it(
    champion: Counted,
    counted: Counted,
    told: str,
    shelf: Shelf,
    canary: Canary,
    prometheus: Prometheus,
    capsys: pytest.CaptureFixture[str],
) -> None:
    canary.begin(shelf.bad, shelf.good)
    prometheus.champion, prometheus.canary = champion, counted
    capsys.readouterr()
    assert canary.advance("--guardrails-since", "7d") == 0
    assert f"stays at 5% of the customers: {told}" in capsys.readouterr().out
    assert canary.share == 0.05


def test_what_was_counted_before_the_step_is_not_judged(
    shelf: Shelf, canary: Canary, prometheus: Prometheus, capsys: pytest.CaptureFixture[str]
) -> None:
    canary.begin(shelf.bad, shelf.good)
    assert canary.advance() == 0
    assert prometheus.seconds == 24 * 3600
    prometheus.canary = Counted(0)
    capsys.readouterr()
    assert canary.advance() == 0  # it has just taken a step
    assert prometheus.seconds < 120
    assert "stays at 25% of the customers: it got no request with a customer_id since this step began" in (
        capsys.readouterr().out
    )


def test_a_worse_canary_is_withdrawn_where_the_guardrails_only_hold(
    shelf: Shelf, canary: Canary, prometheus: Prometheus
) -> None:
    canary.begin(shelf.good, shelf.bad)
    prometheus.canary = Counted(39, failed=1)
    assert canary.advance() == 1
    change, why = canary.last
    assert (change, why.partition(" in ")[0]) == ("withdraw", "by itself: it is worse")


def test_a_pin_that_changes_after_it_was_judged_is_left_as_it_is(
    shelf: Shelf, canary: Canary, prometheus: Prometheus, caplog: pytest.LogCaptureFixture
) -> None:
    canary.begin(shelf.bad, shelf.good)

    def change() -> None:
        path = shelf.models_dir / pins.PINNED
        path.write_text(path.read_text().replace('"share": 0.05', '"share": 0.1'))

    prometheus.meanwhile = change
    with caplog.at_level(logging.ERROR):
        assert canary.advance() == 2
    assert f"the trial of {shelf.good} was changed by another process meanwhile" in caplog.text
    assert canary.share == 0.1
    assert not canary.last[1].startswith("by itself")


def test_it_stays_until_its_time_at_a_step_is_over(
    shelf: Shelf, canary: Canary, capsys: pytest.CaptureFixture[str]
) -> None:
    canary.begin(shelf.bad, shelf.good)
    capsys.readouterr()
    assert canary.advance("--step-for", "40d") == 0
    assert "stays at 5% of the customers: 720 h at this step, of at least 40d" in capsys.readouterr().out
    assert canary.advance("--steps", "[0.01, 0.05]") == 0
    assert "stays at 5% of the customers: it is at the last step" in capsys.readouterr().out
    assert canary.share == 0.05


def test_a_canary_that_is_not_surely_better_is_not_made_the_champion(
    shelf: Shelf, canary: Canary, capsys: pytest.CaptureFixture[str]
) -> None:
    canary.begin(shelf.bad, shelf.good, share="0.5")
    capsys.readouterr()
    assert canary.advance("--horizon-rows", "100000000") == 0  # so wide that nothing is sure
    assert "stays at 50% of the customers: not significantly better after 1,500 and the champion's 1,500" in (
        capsys.readouterr().out
    )
    assert shelf.serving == shelf.bad


@pytest.mark.parametrize("canary_is", ["better", "worse"])
def test_where_the_log_does_not_tell_customers_apart_it_stays(
    canary_is: str, shelf: Shelf, canary: Canary, capsys: pytest.CaptureFixture[str]
) -> None:
    champion, version = (shelf.bad, shelf.good) if canary_is == "better" else (shelf.good, shelf.bad)
    canary.begin(champion, version, share="0.5", are_named=False)
    capsys.readouterr()
    assert canary.advance() == 0
    assert f"canary {version} stays at 50% of the customers: its logged customers have no digest" in (
        capsys.readouterr().out
    )
    assert (shelf.serving, canary.share) == (champion, 0.5)


@pytest.mark.parametrize("missing", ["canary", "champion", "server"])
def test_without_guardrails_it_stays_as_it_is(
    missing: str, shelf: Shelf, canary: Canary, prometheus: Prometheus, caplog: pytest.LogCaptureFixture
) -> None:
    canary.begin(shelf.bad, shelf.good)
    setattr(prometheus, missing, None)
    words = ("--prometheus-url", "http://127.0.0.1:9") if missing == "server" else ()
    with caplog.at_level(logging.ERROR):
        assert canary.advance(*words) == 2
    version = {"canary": shelf.good, "champion": shelf.bad}.get(missing)
    assert (f"there is no metric of model {version}" if version else "it cannot be reached: Conn") in caplog.text
    assert "The canary stays as it is." in caplog.text
    assert canary.share == 0.05


@pytest.mark.parametrize("stale", ["canary", "champion"])
def test_where_the_metrics_of_a_model_are_stale_it_stays_as_it_is(
    stale: str, shelf: Shelf, canary: Canary, prometheus: Prometheus, caplog: pytest.LogCaptureFixture
) -> None:
    canary.begin(shelf.bad, shelf.good)
    setattr(prometheus, stale, Counted(1_000, age_seconds=301))
    with caplog.at_level(logging.ERROR):
        assert canary.advance() == 2
    version = {"canary": shelf.good, "champion": shelf.bad}[stale]
    assert f"there is no metric of model {version} in the last 5 minutes" in caplog.text
    assert canary.share == 0.05


def test_prometheus_is_asked_with_a_password_for_the_series_of_one_service(
    shelf: Shelf, canary: Canary, prometheus: Prometheus
) -> None:
    canary.begin(shelf.bad, shelf.good)
    address = prometheus.url.replace("://", "://ann:s%40fe@")
    assert canary.advance("--prometheus-url", address, "--prometheus-selector", 'namespace="sales", pod!=""') == 0
    assert prometheus.authorization == f"Basic {base64.b64encode(b'ann:s@fe').decode()}"
    assert prometheus.selector == 'namespace="sales", pod!="", '
    assert canary.share == 0.25


def test_an_answer_that_cannot_be_read_is_explained_without_the_password(
    shelf: Shelf, canary: Canary, prometheus: Prometheus, caplog: pytest.LogCaptureFixture
) -> None:
    canary.begin(shelf.bad, shelf.good)
    address = prometheus.url.replace("://", "://ann:s3cret@")
    for status, content, told in (
        (401, b"", "it answered HTTP 401"),
        (302, b"", "it answered HTTP 302"),
        (200, b"<html>", "its answer is not that of a Prometheus"),
        (200, b" " * 17_000_000, "its answer has more than 16,"),
    ):
        prometheus.answer = status, content
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            assert canary.advance("--prometheus-url", address) == 2
        assert told in caplog.text
        assert "s3cret" not in caplog.text
    assert canary.share == 0.05


def test_a_limit_that_is_not_counted_and_a_selector_that_is_none_are_refused(
    canary: Canary, capsys: pytest.CaptureFixture[str]
) -> None:
    for option, value, told in (
        ("--max-predict-seconds", "0.02", "write one of 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1"),
        ("--prometheus-selector", 'a="b"} or vector(1)', 'write labels as namespace="sales", pod=~"churn-.+"'),
    ):
        with pytest.raises(SystemExit, match="2"):
            canary.advance(option, value)
        assert told in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["lost", "torn", "begun anew", "withdrawn"])
def test_where_the_history_does_not_say_when_the_step_began_it_stays(
    damage: str, shelf: Shelf, canary: Canary, caplog: pytest.LogCaptureFixture
) -> None:
    canary.begin(shelf.bad, shelf.good, share="0.5")
    history = shelf.models_dir / pin_history.HISTORY
    lines = history.read_bytes().splitlines(keepends=True)
    withdrawn = lines[-1].replace(b'"challenge"', b'"withdraw"')
    left = {
        "lost": [],
        "torn": [*lines[:-1], lines[-1][:40]],
        "begun anew": lines[:-1],
        "withdrawn": [*lines, withdrawn],
    }
    history.write_bytes(b"".join(left[damage]))
    with caplog.at_level(logging.ERROR):
        assert canary.advance("--step-for", "1h") == 2
    assert f"{history}: it does not say since when {shelf.good} has been the challenger" in caplog.text
    assert (shelf.serving, canary.share) == (shelf.bad, 0.5)


def test_a_timer_may_run_it_where_there_is_no_canary_but_a_shadow(
    shelf: Shelf, canary: Canary, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    shelf.run("challenge", shelf.good)
    capsys.readouterr()
    assert canary.advance() == 0
    assert "there is no canary" in capsys.readouterr().out
    assert pin_history.read(shelf.models_dir).changes[-1].change == "challenge"


def test_an_equal_canary_is_not_withdrawn_for_customers_of_whom_all_requests_fail() -> None:
    by_groups = by_requests = 0
    random = np.random.default_rng(1)
    for _ in range(200):
        requests = random.poisson(random.lognormal(0.5, 1.5, 1_000))
        failed = requests * (random.random(1_000) < 0.02)
        is_canary, groups = random.random(1_000) < 0.25, random.integers(0, CUSTOMER_GROUPS, 1_000)
        ours, theirs = (
            tuple(np.bincount(groups[own], counts[own], CUSTOMER_GROUPS).astype(float) for counts in (failed, requests))
            for own in (is_canary, ~is_canary)
        )
        found = guardrails.compare((ours[0], ours[1]), (theirs[0], theirs[1]), 0.01, "failed")
        by_groups += found is not None and found.action == "withdraw"
        bad, total, expected, others = (int(counts.sum()) for counts in (*ours, *theirs))
        chance = stats.hypergeom.sf(bad - 1, total + others, bad + expected, total)
        by_requests += bad / total - expected / others > 0.01 and chance < guardrails.LEVEL
    assert (by_groups, by_requests) == (0, 41)  # requests as if they were independent
