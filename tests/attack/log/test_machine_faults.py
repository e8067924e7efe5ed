"""Faults of the machine that go away: too many open files, a disk that cannot be read."""

import asyncio
import errno
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from models.bundles import pins
from models.bundles.pins import BundleRef
from models.errors import FileUnreadable
from service.log import shipper_process
from service.log.logged_inputs import InputKeeper
from service.log.prediction_log import SpooledLog
from service.log.spool import Spool
from service.metrics.metrics import Metrics
from service.model import predictor
from service.model.predictor import Predictor
from service.serving import pin_watch
from service.serving.pin_watch import PinWatch
from service.serving.served_model import ServedModel
from tests.service.stores import challenge, publish_another
from tests.waiting import wait_until


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.EACCES])
def test_a_model_that_could_not_be_read_is_tried_again_without_a_change(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(pin_watch, "PERIOD_SECONDS", 0.02)
    monkeypatch.setattr(pin_watch, "RETRY_SECONDS", 0.02)
    load, failures = predictor.load, [number] * 5

    def fail_at_first(models_dir: Path, named: BundleRef) -> Predictor:
        if failures:
            cause = OSError(failures.pop(), "not now")
            raise FileUnreadable(path=models_dir / "manifest.json", problem="not now") from cause
        return load(models_dir, named)

    async def follow() -> None:
        metrics = Metrics()
        model = ServedModel(shelf, metrics)
        monkeypatch.setattr(predictor, "load", fail_at_first)
        watch = PinWatch(shelf, model)
        assert "not now" in (model.problem or "")
        following = asyncio.create_task(watch.follow())
        await asyncio.to_thread(wait_until, lambda: model.router is not None)
        following.cancel()
        assert model.problem is None
        assert "churn_model_swap_failures_total 1.0" in metrics.expose().decode()

    asyncio.run(follow())


def test_a_model_that_is_damaged_is_not_tried_again(shelf: Path) -> None:
    (shelf / "pinned.json").write_text("{}")
    model = ServedModel(shelf, Metrics())
    model.refresh()

    assert model.problem
    assert not model.to_retry


LASTING: dict[str, Callable[[Path], object]] = {
    "a link": lambda path: path.symlink_to("manifest.json"),
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "too large": lambda path: path.write_bytes(b" " * (17 << 20)),
    "missing": lambda _: None,
}


@pytest.mark.parametrize("kind", LASTING)
def test_a_file_that_stays_as_it_is_until_somebody_changes_it_is_not_tried_again(shelf: Path, kind: str) -> None:
    card = shelf / "store" / pins.read(shelf).version / "MODEL_CARD.html"
    card.unlink()
    LASTING[kind](card)
    model = ServedModel(shelf, Metrics())
    model.refresh()

    assert model.problem
    assert not model.to_retry


def test_a_challenger_that_cannot_be_read_is_tried_alone_in_growing_pauses(
    shelf: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(pin_watch, "PERIOD_SECONDS", 0.01)
    monkeypatch.setattr(pin_watch, "RETRY_SECONDS", 0.05)
    challenger = challenge(shelf, publish_another(shelf, tmp_path_factory).manifest.version, "shadow")
    load, tries, faults = predictor.load, list[tuple[str, float]](), [errno.EMFILE] * 4

    def fail_at_first(models_dir: Path, named: BundleRef) -> Predictor:
        tries.append((named.version, time.monotonic()))
        if named.version == challenger.version and faults:
            raise FileUnreadable(path=models_dir, problem="not now") from OSError(faults.pop(), "not now")
        return load(models_dir, named)

    async def follow() -> None:
        model = ServedModel(shelf, Metrics())
        monkeypatch.setattr(predictor, "load", fail_at_first)
        watch = PinWatch(shelf, model)
        assert model.router
        champion = model.router.champion
        following = asyncio.create_task(watch.follow())
        await asyncio.to_thread(wait_until, lambda: model.challenger_problem is None)
        following.cancel()
        assert model.router.champion is champion
        assert model.router.tried == challenger
        assert not model.to_retry

    with caplog.at_level(logging.INFO):
        asyncio.run(follow())
    at = [moment for version, moment in tries if version == challenger.version]
    assert [version for version, _ in tries].count(challenger.version) == len(tries) - 1 == 5
    assert [after - before >= 0.05 * 2**turn for turn, (before, after) in enumerate(pairwise(at))] == [True] * 4
    assert caplog.text.count("serving model") == 1
    assert caplog.text.count("is refused") == 1


def test_the_same_model_is_not_told_again(shelf: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = ServedModel(shelf, Metrics())
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            model.refresh()
    assert caplog.text.count("serving model") == 1


def test_a_shipper_that_cannot_start_is_started_later_and_missed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipper_process, "RESTART_SECONDS", 0.05)
    monkeypatch.setattr(shipper_process, "STEADY_SECONDS", 0.05)
    monkeypatch.setattr(shipper_process, "COMMAND", [sys.executable, "-c", "import sys; sys.stdin.read()"])
    faults: list[Exception] = [OSError(errno.EMFILE, "Too many open files"), RuntimeError("can't start new thread")]
    popen, blocked = subprocess.Popen, [True]

    def fail_at_first(*arguments: Any, **options: Any) -> Any:
        if blocked:
            raise faults[-1]
        return popen(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", fail_at_first)
    spool = Spool(tmp_path / "spool")
    log = SpooledLog(spool, keep=InputKeeper("none", tmp_path), max_bytes=1_000_000, metrics=Metrics())

    def problem() -> str:
        log.look()
        return log.problem or ""

    with shipper_process.running(spool):
        wait_until(lambda: "can't start new thread" in problem())
        faults.pop()
        wait_until(lambda: "no shipper brings them there: cannot start (Too many open files)" in problem())
        blocked.clear()
        wait_until(lambda: not problem())
