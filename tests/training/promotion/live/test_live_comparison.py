"""A trial compares champion and challenger by logged predictions and outcomes."""

import logging

import pytest

from tests.stores import Shelf
from tests.training.promotion.live.trial_log import ROWS, Log


def compare(shelf: Shelf, log: Log, *arguments: str) -> int:
    return shelf.run("compare-live", "--log-url", log.url, *arguments)


def test_a_better_challenger_in_the_shadow_is_found_on_the_same_customers(
    shelf: Shelf, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    shelf.run("challenge", shelf.good)
    log.answer(shelf.bad, seed=1, shadow=shelf.good, without_outcome=100)
    capsys.readouterr()
    assert compare(shelf, log, "--since", "30d") == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{shelf.good} is better than {shelf.bad}: shadow since ")
    assert "  champion   1,500 predictions, 1,400 with an outcome\n" in told
    assert "  challenger 1,500 predictions, 1,400 with an outcome\n" in told
    assert "ROC-AUC" in told
    assert "share of customers in another tier 0." in told
    assert "with --since the period moves from look to look, so the intervals are for one look only" in told


def test_a_customer_counts_once_with_the_first_prediction_that_has_an_outcome(
    shelf: Shelf, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    shelf.run("challenge", shelf.good)
    log.answer(shelf.bad, seed=1, shadow=shelf.good, without_outcome=2)
    log.repeat(predictions=3)
    capsys.readouterr()
    compare(shelf, log, "--since", "30d", "--min-rows", "100")
    told = capsys.readouterr().out
    more = "500 predictions, 500 with an outcome; 1,000 further ones of the same customers do not count\n"
    assert f"  champion   {more}" in told
    assert f"  challenger {more}" in told


def test_a_customer_of_a_canary_counts_once_for_each_model(
    shelf: Shelf, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    shelf.run("challenge", shelf.good, "--mode", "canary", "--share", "0.5")
    log.answer(shelf.bad, seed=1)
    log.answer(shelf.good, seed=2)
    log.repeat(predictions=6)
    capsys.readouterr()
    compare(shelf, log, "--since", "30d", "--min-rows", "100")
    told = capsys.readouterr().out
    assert (
        told.count("500 predictions, 500 with an outcome; 1,000 further ones of the same customers do not count") == 2
    )
    assert "the champion answers all customers without an id" not in told


def test_the_customers_of_a_canary_are_compared_with_others_who_have_an_id(
    shelf: Shelf, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    shelf.run("challenge", shelf.good, "--mode", "canary", "--share", "0.5")
    log.answer(shelf.bad, seed=1)
    log.answer(shelf.good, seed=2)
    log.answer(shelf.bad, seed=3, are_named=False)
    capsys.readouterr()
    compare(shelf, log, "--since", "30d")
    assert capsys.readouterr().out.count("1,500 predictions, 1,500 with an outcome\n") == 2


def test_predictions_whose_outcomes_may_be_missing_are_left_out(
    shelf: Shelf, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    shelf.run("challenge", shelf.good)
    log.answer(shelf.bad, seed=1, shadow=shelf.good)  # from 20 to 19 days ago
    capsys.readouterr()
    compare(shelf, log, "--since", "30d", "--mature-after", "468h")
    [told] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  champion ")]
    assert 750 <= int(told.split()[1]) <= 850  # a few more than half, because the tests take time


def test_a_worse_challenger_in_the_shadow_is_no_reason_to_change(
    shelf: Shelf, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.good)
    shelf.run("challenge", shelf.bad)
    log.answer(shelf.good, seed=1, shadow=shelf.bad)
    assert compare(shelf, log, "--since", "30d") == 1
    assert f"{shelf.bad} is not significantly better than {shelf.good}" in capsys.readouterr().out


def test_a_canary_whose_customers_are_not_told_apart_is_compared_with_a_note(
    shelf: Shelf, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    shelf.run("challenge", shelf.good, "--mode", "canary", "--share", "0.5")
    for version, seed in ((shelf.bad, 1), (shelf.good, 2)):
        log.answer(version, seed=seed, are_named=False)
    assert compare(shelf, log, "--since", "30d") == 0
    told = capsys.readouterr().out
    assert f"{shelf.good} is better than {shelf.bad}: canary since " in told
    assert "the champion answers all customers without an id" in told


def test_by_default_only_what_came_after_the_challenger_counts(
    shelf: Shelf, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.serve(shelf.bad)
    shelf.run("challenge", shelf.good)
    log.answer(shelf.bad, seed=1, shadow=shelf.good)
    with caplog.at_level(logging.ERROR):
        assert compare(shelf, log) == 2
    assert f"among the predictions of {shelf.bad}: 0 outcomes, at least 500 are needed" in caplog.text


def test_without_a_challenger_or_a_log_nobody_can_tell(
    shelf: Shelf, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.serve(shelf.bad)
    assert compare(shelf, log) == 2
    assert "there is no challenger" in caplog.text
    shelf.run("challenge", shelf.good)
    assert compare(shelf, log) == 2
    assert "no such prediction log" in caplog.text


def test_only_outcomes_of_trusted_reporters_count_and_disagreement_is_told(
    shelf: Shelf, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    shelf.run("challenge", shelf.good)
    log.answer(shelf.bad, seed=1, shadow=shelf.good)
    log.invert(reported_by="stranger", share=0.5)
    capsys.readouterr()
    assert compare(shelf, log, "--since", "30d", "--min-rows", "100") == 0
    told = capsys.readouterr().out
    assert f"{ROWS:,} predictions, {ROWS // 2:,} with an outcome" in told
    assert f"{ROWS // 2:,} predictions without a known outcome, because reporters disagree" in told
    assert compare(shelf, log, "--since", "30d", "--trusted-reporters", "crm") == 0
    told = capsys.readouterr().out
    assert f"{ROWS:,} predictions, {ROWS:,} with an outcome" in told
    assert "disagree" not in told
    assert compare(shelf, log, "--since", "30d", "--trusted-reporters", "billing") == 2
