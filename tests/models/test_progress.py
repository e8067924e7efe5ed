"""Without a terminal, progress is logged at a pace that suits a long run."""

import logging

import pytest

from models import progress
from models.progress import Progress


def test_a_log_gets_the_stage_and_then_how_far_it_is_now_and_then(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with caplog.at_level(logging.INFO), Progress(4) as bar:
        bar.stage("scoring")
        bar.step()
        monkeypatch.setattr(progress, "LINE_SECONDS", 0)
        bar.step(1.5)
        bar.step(1.5)
    assert [record.getMessage() for record in caplog.records] == ["scoring", "scoring: 62 %", "scoring: 100 %"]


def test_steps_of_an_unknown_number_are_counted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0)
    with caplog.at_level(logging.INFO), Progress() as bar:
        bar.stage("deleting old rows")
        bar.step(5_000)
        bar.step(120)
    told = ["deleting old rows", "deleting old rows: 5,000", "deleting old rows: 5,120"]
    assert [record.getMessage() for record in caplog.records] == told
