"""Notices from what happened to what was delivered."""

import itertools
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from models.bundles import bundle, pin_changes, pins
from models.bundles.format.bundle_files import GRAPH
from models.bundles.pin_history import Change
from models.features import CONTRACT
from monitoring.notices import outbox
from monitoring.notices.errors import OutboxUnusable, RunsUnreadable
from monitoring.notices.outbox import MAX_WAITING
from monitoring.notices.sender import Sender
from tests.monitoring.notices.conftest import Clock
from tests.webhook_receiver import Receiver

Record = Callable[..., None]


def pin(shelf: Path, change: Change, why: str = "better by far") -> str:
    """Pin the bundle of the shelf again."""
    found = bundle.load(shelf, contract=CONTRACT)
    bundle.pin(found, models_dir=shelf, change=change, why=why)
    return found.manifest.version


def damage(shelf: Path) -> Path:
    """Change a file of the pinned bundle; returns it."""
    graph = bundle.load(shelf, contract=CONTRACT).path(GRAPH)
    graph.write_bytes(graph.read_bytes() + b"!")
    return graph


@pytest.mark.parametrize(("job", "told"), [("drift", "drift.found"), ("performance", "quality.fallen")])
def test_a_verdict_is_told_once_and_its_end_once(
    sender: Sender, receiver: Receiver, record: Record, job: str, told: str
) -> None:
    for exit_code in (0, 1, 1, 1, 0, 0):
        record(job, exit_code, model_version="v1", report="var/reports/x.html")
        sender.run()
        sender.run()
    assert receiver.told == [(told, "firing"), (told, "resolved")]
    first = receiver.received[0].body
    assert first["text"].startswith(("Drift: the drift", "The quality of the model has fallen: the performance"))
    assert "docs/runbook.md#" in first["text"]
    assert (first["version"], first["subject"], first["reminder"], first["lost_notices"]) == (1, job, False, 0)
    assert (first["model_version"], first["report"]) == ("v1", "var/reports/x.html")
    assert first["summary"] == f"the {job} job ended with 1"
    assert first["run"].endswith(f"-{job}")
    assert datetime.fromisoformat(first["timestamp"]).tzinfo


def test_a_run_that_cannot_tell_is_told_with_its_reason(sender: Sender, receiver: Receiver, record: Record) -> None:
    for exit_code in (2, 2, 1, 0):
        record("drift", exit_code)
        sender.run()
    assert receiver.told == [("job.cannot_tell", "firing"), ("drift.found", "firing"), ("drift.found", "resolved")]
    assert receiver.received[0].body["text"].startswith("The drift job cannot tell: too few rows. See run ")


def test_what_lasts_is_told_again_after_a_day(sender: Sender, receiver: Receiver, record: Record, clock: Clock) -> None:
    record("drift", 1)
    for _ in range(50):  # hours
        sender.run()
        clock.turn(hours=1)
    assert receiver.told == [("drift.found", "firing")] * 3
    assert [request.body["reminder"] for request in receiver.received] == [False, True, True]
    since = receiver.received[0].body["timestamp"]
    assert [request.body["since"] for request in receiver.received] == [since] * 3
    assert "Drift (since 2026-03-01 12:00 UTC): " in receiver.received[2].body["text"]


def test_the_check_of_a_file_is_not_told(sender: Sender, receiver: Receiver, record: Record) -> None:
    record("drift", 0)
    record("drift", 1, live="some.csv")
    sender.run()
    assert receiver.told == []


@pytest.mark.parametrize(
    ("change", "told"), [("fit", "model.fitted"), ("promote", "model.promoted"), ("rollback", "model.rolled_back")]
)
def test_a_new_champion_is_told_once_and_old_history_never(
    sender: Sender, receiver: Receiver, shelf: Path, change: Change, told: str
) -> None:
    sender.run()
    assert receiver.told == []
    version = pin(shelf, change)
    for _ in range(3):
        replace(sender).run()
    assert receiver.told == [(told, "info")]
    assert receiver.received[0].body["model_version"] == version
    assert f": {version} (better by far). " in receiver.received[0].body["text"]


def test_a_history_that_cannot_be_read_at_first_is_not_told_later(
    sender: Sender, receiver: Receiver, shelf: Path
) -> None:
    history = (shelf / "history.jsonl").read_text()
    (shelf / "history.jsonl").write_text("{")
    sender.run()
    (shelf / "history.jsonl").write_text(history)
    sender.run()
    assert receiver.told == []


def test_a_challenger_that_is_withdrawn_is_told_with_the_reason(
    sender: Sender, receiver: Receiver, shelf: Path
) -> None:
    sender.run()
    tried = pins.read(shelf)
    pin_changes.write(tried, about=tried, change="withdraw", why="by itself: it is worse", models_dir=shelf)
    for _ in range(2):
        sender.run()
    assert receiver.told == [("model.withdrawn", "info")]
    text = receiver.received[0].body["text"]
    assert text.startswith("The challenger is withdrawn (at ")
    assert f": {tried.version} (by itself: it is worse). " in text


def test_a_challenger_is_not_told(sender: Sender, receiver: Receiver, shelf: Path) -> None:
    sender.run()
    champion = pins.read(shelf)
    pin_changes.write(champion, about=champion, change="challenge", why="", models_dir=shelf)
    sender.run()
    assert receiver.told == []


def test_a_refused_pin_is_told_once_and_its_end_once(sender: Sender, receiver: Receiver, shelf: Path) -> None:
    sender.run()
    graph = damage(shelf)
    for _ in range(3):
        sender.run()
    assert receiver.told == [("pin.refused", "firing")]
    body = receiver.received[0].body
    assert "SHA-256" in body["text"]
    assert body["model_version"] == pins.read(shelf).version
    graph.write_bytes(graph.read_bytes()[:-1])
    sender.run()
    sender.run()
    assert receiver.told == [("pin.refused", "firing"), ("pin.refused", "resolved")]


def test_a_pin_or_a_history_that_cannot_be_read_is_refused(sender: Sender, receiver: Receiver, shelf: Path) -> None:
    (shelf / "history.jsonl").write_text("{")
    sender.run()
    (shelf / "pinned.json").write_text("{")
    sender.run()
    assert receiver.told == [("pin.refused", "firing")]


def test_500_and_then_200_are_one_delivery_of_one_notice(
    sender: Sender, receiver: Receiver, record: Record, clock: Clock
) -> None:
    receiver.answer_with(500)
    record("drift", 1)
    sender.run()
    sender.run()  # not yet due
    assert len(receiver.received) == 1
    clock.turn(seconds=5)
    sender.run()
    sender.run()
    failed, delivered = receiver.received
    assert failed.headers["webhook-id"] == delivered.headers["webhook-id"]
    assert int(delivered.headers["webhook-timestamp"]) - int(failed.headers["webhook-timestamp"]) == 5
    assert failed.body == delivered.body


def test_pauses_grow_and_end_after_a_day_which_the_next_notice_says(
    sender: Sender, receiver: Receiver, record: Record, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(200):
        receiver.answer_with(503)
    record("drift", 1)
    attempts, next_at = [], clock.at
    for _ in range(int(25 * 3600 / 10)):
        before = len(receiver.received)
        if clock.at >= next_at:
            next_at = sender.run().next_attempt_at or clock.at
        attempts += [clock.at] * (len(receiver.received) - before)
        clock.turn(seconds=10)
    pauses = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(attempts)]
    assert pauses[0] <= 10
    assert 450 <= max(pauses) <= 910
    assert 80 < len(attempts) < 200
    [given_up] = [line.message for line in caplog.records if line.levelno == logging.ERROR]
    assert given_up == "a notice is given up (drift.found, firing): it waited for more than a day"
    receiver.answers.clear()
    clock.turn(hours=1)
    left = sender.run()
    body = receiver.received[-1].body
    assert (body["reminder"], body["lost_notices"]) == (True, 1)
    assert body["text"].endswith("Notices before this one that could not be delivered: 1.")
    assert (left.lost_notices, left.lost_notices_total) == (0, 1)


@pytest.mark.parametrize(("retry_after", "seconds"), [("120", 120), ("999999", 3600), ("soon", 5)])
def test_what_the_receiver_asks_for_is_honoured_within_bounds(
    sender: Sender, receiver: Receiver, record: Record, clock: Clock, retry_after: str, seconds: int
) -> None:
    receiver.answer_with(429, Retry_After=retry_after)
    record("drift", 1)
    planned = (sender.run().next_attempt_at or clock.at) - clock.at
    assert seconds / 2 <= planned.total_seconds() <= seconds
    clock.turn(seconds=seconds)
    sender.run()
    assert receiver.told == [("drift.found", "firing")] * 2


def test_a_notice_that_the_receiver_cannot_take_holds_up_no_other(
    sender: Sender, receiver: Receiver, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answer_with(400, b"invalid_payload")
    record("drift", 1)
    record("performance", 1)
    left = sender.run()
    assert receiver.told == [("drift.found", "firing"), ("quality.fallen", "firing")]
    assert receiver.received[1].body["lost_notices"] == 1
    assert (left.waiting, left.lost_notices_total) == ([], 1)
    assert "it answered 400 (invalid_payload)" in caplog.text


def test_notices_that_wait_are_delivered_in_order(
    sender: Sender, receiver: Receiver, record: Record, clock: Clock
) -> None:
    receiver.answer_with(502)
    for exit_code in (1, 2, 0):
        record("drift", exit_code)
        sender.run()
    clock.turn(minutes=1)
    sender.run()
    told = [("drift.found", "firing"), ("job.cannot_tell", "firing"), ("job.cannot_tell", "resolved")]
    assert receiver.told == [told[0], *told]


def test_at_most_a_hundred_notices_wait(sender: Sender, receiver: Receiver, record: Record) -> None:
    receiver.answer_with(503, Retry_After="3600")
    for number in range(MAX_WAITING + 10):
        record("drift", 1 if number % 2 else 2)
        left = sender.run()
    assert (len(left.waiting), left.lost_notices_total) == (MAX_WAITING, 10)
    assert len(receiver.received) == 1


def test_a_clock_that_was_set_back_stops_nothing(
    sender: Sender, receiver: Receiver, record: Record, clock: Clock
) -> None:
    receiver.answer_with(500)
    record("drift", 1)
    sender.run()
    clock.turn(days=-3)
    sender.run()
    assert len(receiver.received) == 2


def test_a_record_that_cannot_be_read_stops_no_notice_that_waits(
    sender: Sender, receiver: Receiver, record: Record, clock: Clock, tmp_path: Path
) -> None:
    receiver.answer_with(500)
    record("drift", 1)
    sender.run()
    clock.turn(minutes=1)
    record("drift", 0)
    newest = max((tmp_path / "reports").glob("*.json"))
    for content in ("{", "{}"):
        newest.write_text(content)
        with pytest.raises(RunsUnreadable, match="Remove the record that cannot be read"):
            sender.run()
    assert receiver.told == [("drift.found", "firing")] * 2


def test_nothing_is_sent_that_could_not_be_remembered_as_sent(
    sender: Sender, receiver: Receiver, record: Record, tmp_path: Path
) -> None:
    record("drift", 1)
    (tmp_path / "notices").mkdir()
    (tmp_path / "notices" / "outbox.unfinished").mkdir()  # as if the disk took nothing more
    with pytest.raises(OutboxUnusable, match=r"outbox\.json"):
        sender.run()
    assert receiver.received == []


def test_an_outbox_that_cannot_be_read_is_said(sender: Sender, tmp_path: Path) -> None:
    sender.run()
    outbox.path(tmp_path).write_text("{")
    with pytest.raises(OutboxUnusable, match="remove it to begin anew"):
        sender.run()


def test_two_processes_do_not_send_at_the_same_time(sender: Sender, receiver: Receiver, record: Record) -> None:
    record("drift", 1)
    with (
        outbox.locked(sender.output_dir, patience_seconds=0),
        pytest.raises(OutboxUnusable, match="another process sends notices"),
    ):
        sender.run()
    assert receiver.received == []
    sender.run()
    assert len(receiver.received) == 1


def test_a_test_notice_says_what_came_back_and_leaves_nothing(
    sender: Sender, receiver: Receiver, tmp_path: Path
) -> None:
    said = sender.test()
    assert said == (
        f"127.0.0.1:{receiver.port} answered 200 (ok); the notice was not signed, because MONITORING_WEBHOOK_SECRET is "
        "not set"
    )
    assert receiver.told == [("webhook.test", "info")]
    assert not outbox.path(tmp_path).exists()


def test_no_sentence_mentions_everybody_in_slack(sender: Sender, receiver: Receiver, shelf: Path) -> None:
    sender.run()
    pin(shelf, "promote", why="<!channel> & <@U1>")
    sender.run()
    assert "&lt;!channel&gt; &amp; &lt;@U1&gt;" in receiver.received[0].body["text"]
    assert "<" not in receiver.received[0].body["text"]
    assert "<!channel>" in receiver.received[0].body["summary"]


def test_a_long_summary_is_cut(sender: Sender, receiver: Receiver, record: Record) -> None:
    record("drift", 1, summary="long " * 10_000)
    sender.run()
    assert len(receiver.received[0].raw) < 4_000
    assert len(json.loads(receiver.received[0].raw)["summary"]) == 1_003
