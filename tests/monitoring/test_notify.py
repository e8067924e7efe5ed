"""Notices of single runs, and by the command."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from monitoring.__main__ import main
from monitoring.notices import outbox, situation
from tests import webhook_receiver
from tests.webhook_receiver import SECRET, Receiver, is_signed


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver that the environment names."""
    monkeypatch.setattr(situation, "SECOND_LOOK_SECONDS", 0)
    with webhook_receiver.receiving() as receiver:
        monkeypatch.setenv("MONITORING_WEBHOOK_URL", receiver.url)
        monkeypatch.setenv("MONITORING_WEBHOOK_SECRET", SECRET)
        monkeypatch.setenv("MONITORING_WEBHOOK_ALLOW_PRIVATE", "true")
        yield receiver


@pytest.fixture
def flags(shelf: Path, log_url: str, tmp_path: Path) -> list[str]:
    """Options of a job over the shelf and the log."""
    return ["--models-dir", str(shelf), "--log-url", log_url, "--output-dir", str(tmp_path / "var")]


def test_a_single_run_tells_what_it_found(
    receiver: Receiver, flags: list[str], keep: Callable[..., None], customers: Callable[[int, int], pd.DataFrame]
) -> None:
    keep(customers(500, 2).assign(contract_type=0))
    assert main(["drift", *flags]) == 1
    assert main(["drift", *flags]) == 1
    assert main(["performance", *flags]) == 2
    assert receiver.told == [("drift.found", "firing"), ("job.cannot_tell", "firing")]
    assert all(is_signed(request, SECRET) for request in receiver.received)


def test_a_receiver_that_is_away_changes_no_exit_code_and_is_told_later(
    receiver: Receiver, flags: list[str], tmp_path: Path
) -> None:
    receiver.answer_with(503, Retry_After="60")
    assert main(["drift", *flags]) == 2  # there is no log
    left = outbox.read(tmp_path / "var")
    assert left
    assert [waiting.notice.type for waiting in left.waiting] == ["job.cannot_tell"]
    outbox.write(left.model_copy(update={"next_attempt_at": None}), tmp_path / "var")
    assert main(["performance", *flags]) == 2
    assert [(request.body["subject"], *request.told) for request in receiver.received] == [
        (job, "job.cannot_tell", "firing") for job in ("drift", "drift", "performance")
    ]


def test_a_check_of_a_file_is_not_told_even_if_it_fails(receiver: Receiver, flags: list[str], tmp_path: Path) -> None:
    (tmp_path / "live.csv").write_text("tenure_months\nsecret\n")
    assert main(["drift", "--live", str(tmp_path / "live.csv"), *flags[:2], *flags[4:]]) == 2
    assert receiver.told == []


def test_settings_that_are_not_valid_change_no_exit_code(
    flags: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MONITORING_WEBHOOK_URL", "hooks.example/SECRET")
    assert main(["drift", *flags]) == 2
    assert "MONITORING_WEBHOOK_URL: give an address as https://hooks.example/path" in caplog.text
    assert "SECRET" not in caplog.text


def test_the_command_says_what_waits(receiver: Receiver, flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    receiver.answer_with(503, Retry_After="600")
    assert main(["drift", *flags]) == 2
    capsys.readouterr()
    folders = [*flags[:2], *flags[4:]]
    assert main(["notify", *folders]) == 2
    assert capsys.readouterr().out.startswith("1 notices wait; the next attempt is due at ")
    left = outbox.read(Path(flags[5]))
    assert left
    outbox.write(left.model_copy(update={"next_attempt_at": None}), Path(flags[5]))
    assert main(["notify", *folders]) == 0
    assert capsys.readouterr().out == "0 notices wait\n"


def test_the_command_needs_an_address(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONITORING_WEBHOOK_URL", raising=False)
    assert main(["notify"]) == 2
    assert "there is no webhook. Set MONITORING_WEBHOOK_URL" in caplog.text
