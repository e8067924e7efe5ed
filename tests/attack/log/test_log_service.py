"""What goes wrong around the log of a service: it predicts, says so, and keeps what can be kept."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from models.features import CONTRACT, CustomerFeatures
from service.app import create_app
from service.log import spool_writer
from service.log.backlog import BacklogWatch
from service.log.logged_inputs import InputKeeper
from service.log.page_format import NULL
from service.log.prediction_log import SpooledLog
from service.log.spool import Spool
from service.metrics.metrics import Metrics
from service.model.predictor import Predictor
from service.settings import Settings
from tests.service.log_pages import logged, rows_in
from tests.waiting import wait_until

HOUR = 3600
CUSTOMER = CustomerFeatures(**CONTRACT.example)


@pytest.fixture
def logging_client(pinned: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    """Make a client whose service runs, and keeps a log, for as long as a `with` lasts."""
    monkeypatch.setattr(spool_writer, "WRITE_SECONDS", 0.01)
    monkeypatch.setattr(spool_writer, "LOOK_SECONDS", 0.01)
    common: dict[str, Any] = {"log_url": "sqlite:///never-opened.db", "output_dir": tmp_path}
    return lambda **chosen: TestClient(
        create_app(Settings(**common | chosen), serving=pinned), base_url="http://localhost"
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the clock of the machine by so many seconds."""
    real, offset = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + offset[0])
    monkeypatch.setattr(time, "time_ns", lambda: int((real() + offset[0]) * 1e9))

    def move(seconds: float) -> None:
        offset[0] += seconds

    return move


def reason(client: TestClient) -> str:
    return client.get("/health").json()["reason"] or ""


KEYS: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.touch(),
    "short": lambda path: path.write_bytes(b"k" * 31),
    "long": lambda path: path.write_bytes(b"k" * 33),
    "zeros": lambda path: path.write_bytes(bytes(32)),
    "a folder": lambda path: path.mkdir(),
    "a named pipe": os.mkfifo,
}


@pytest.mark.parametrize("key", KEYS)
def test_no_digest_is_made_with_a_damaged_key_and_a_repaired_one_is_used_at_once(
    logging_client: Callable[..., TestClient], tmp_path: Path, key: str
) -> None:
    KEYS[key](tmp_path / "inputs.key")
    with logging_client(log_inputs="hashed") as client:
        assert client.post("/predict", json=CONTRACT.example).status_code == 200
        assert "Rows are logged without a digest: inputs.key cannot be used: it is" in reason(client)
        wait_until(lambda: [row[3:5] for row in logged(tmp_path)] == [(NULL, NULL)])
        good = tmp_path / "good"
        good.write_bytes(b"k" * 32)
        if key == "a folder":
            (tmp_path / "inputs.key").rmdir()
        good.replace(tmp_path / "inputs.key")
        wait_until(lambda: reason(client) == "")
        client.post("/predict", json=CONTRACT.example)
        wait_until(lambda: len(logged(tmp_path)) == 2)

    assert len(logged(tmp_path)[1][4]) == 64


def test_a_key_survives_a_kill_after_which_another_process_has_the_same_id(tmp_path: Path) -> None:
    first = InputKeeper("hashed", tmp_path).columns(CUSTOMER)
    (tmp_path / f"inputs.key.{os.getpid()}").hardlink_to(tmp_path / "inputs.key")

    assert InputKeeper("hashed", tmp_path).columns(CUSTOMER) == first


def test_a_key_is_read_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = InputKeeper("hashed", tmp_path).columns(CUSTOMER)

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EROFS, "Read-only file system")

    for name in ("touch", "write_bytes", "hardlink_to", "mkdir"):
        monkeypatch.setattr(Path, name, refuse)
    assert InputKeeper("hashed", tmp_path).columns(CUSTOMER) == first


@pytest.mark.parametrize("kept", ["plain", "hashed"])
def test_the_service_starts_and_predicts_where_it_can_write_nothing_and_writes_when_it_can(
    logging_client: Callable[..., TestClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    monkeypatch.setattr("service.log.prediction_log.LATE_SECONDS", 0.1)
    (tmp_path / "var").write_text("in the way of the folder")
    with logging_client(log_inputs=kept, output_dir=tmp_path / "var") as client:
        assert client.post("/predict", json=CONTRACT.example).status_code == 200
        wait_until(lambda: "held in memory: Not a directory" in reason(client))
        assert "Rows are logged without a digest: inputs.key cannot be used" in reason(client)
        (tmp_path / "var").unlink()
        wait_until(lambda: len(logged(tmp_path / "var")) == 1)
        wait_until(lambda: "held in memory" not in reason(client) and "digest" not in reason(client))


def test_pages_that_were_set_aside_are_told_and_counted(
    logging_client: Callable[..., TestClient], tmp_path: Path
) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "a.predictions.page").mkdir()
    Spool(folder).reject(folder / "a.predictions.page", "It is a folder.")
    with logging_client() as client:
        wait_until(lambda: "1 damaged pages of the prediction log" in reason(client))
        assert "lie in spool, each with its reason" in reason(client)
        assert "churn_log_rejected_pages 1.0" in client.get("/metrics").text


@pytest.mark.parametrize("name", ["x.page", "-.page", "9" * 200 + ".page"])
def test_a_foreign_name_in_the_spool_does_not_stop_the_log(
    logging_client: Callable[..., TestClient], tmp_path: Path, name: str
) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / name).touch()
    (tmp_path / "spool" / "loop.page").symlink_to("loop.page")
    (tmp_path / "spool" / "problem.txt").write_bytes(b"\xff")
    with logging_client() as client:
        client.post("/predict", json=CONTRACT.example)
        wait_until(lambda: len(list((tmp_path / "spool").glob("*.predictions.page"))) == 1)
        wait_until(lambda: "churn_log_spool_bytes 0.0" not in client.get("/metrics").text)
        assert client.get("/health").status_code == 200


class SmallDisk(Spool):
    """A folder on a disk with little space."""

    free_bytes = 0

    def _put(self, path: Path, content: bytes) -> None:
        if len(content) > self.free_bytes:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.free_bytes -= len(content)
        super()._put(path, content)


def make_log(spool: Spool, folder: Path, metrics: Metrics) -> SpooledLog:
    return SpooledLog(spool, keep=InputKeeper("plain", folder), max_bytes=10**9, metrics=metrics)


def test_of_a_queue_larger_than_the_disk_all_that_fits_is_kept(pinned: Predictor, tmp_path: Path) -> None:
    spool, metrics = SmallDisk(tmp_path / "spool"), Metrics()
    log = make_log(spool, tmp_path, metrics)
    for _ in range(5):
        log.put([pinned.predict([CUSTOMER] * 1_000)])
    log.write()
    assert logged(tmp_path) == []
    spool.free_bytes = 300_000
    log.close()

    kept = len(logged(tmp_path))
    assert spool.free_bytes < 1_000
    assert kept > 1_000
    assert f"churn_log_dropped_rows_total {5_000 - kept}.0".encode() in metrics.expose()
    assert f"churn_log_rows_total {kept}.0".encode() in metrics.expose()


class UnexpectedSpool(Spool):
    """A folder of which nobody knows how it fails."""

    fails = True

    def write(self, table: str, lines: Sequence[str], *, since: int) -> int:
        if self.fails:
            raise RuntimeError("nobody expects this")
        return super().write(table, lines, since=since)


def test_rows_outlast_an_error_that_nobody_expects(pinned: Predictor, tmp_path: Path) -> None:
    spool = UnexpectedSpool(tmp_path / "spool")
    log = make_log(spool, tmp_path, Metrics())
    log.put([pinned.predict([CUSTOMER] * 3)])
    log.write()
    spool.fails = False
    log.write()

    assert len(logged(tmp_path)) == 3


def test_a_folder_that_is_removed_again_and_again_costs_no_later_row(
    logging_client: Callable[..., TestClient], tmp_path: Path
) -> None:
    with logging_client() as client:
        for _ in range(3):
            client.post("/predict", json=CONTRACT.example)
            wait_until(lambda: len(logged(tmp_path)) == 1)
            shutil.rmtree(tmp_path / "spool", ignore_errors=True)  # a page may be added just now


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_a_clock_that_jumps_hides_no_delay_and_invents_none(
    tmp_path: Path, clock: Callable[[float], None], seconds: float
) -> None:
    spool = Spool(tmp_path / "spool")
    watch = BacklogWatch(spool)
    spool.write("predictions", ["row"], since=int(time.time() * 1000))
    [page] = spool.pages()
    watch.look()
    clock(seconds)
    watch.look()
    assert watch.behind_seconds < 2
    page.unlink()
    spool.write("predictions", ["row"], since=int(time.time() * 1000))
    watch.look()
    assert watch.behind_seconds < 2
    before = watch.behind_seconds
    time.sleep(0.05)
    watch.look()
    watch.look()
    assert watch.behind_seconds >= before + 0.05


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_rows_from_before_a_jump_of_the_clock_are_known_to_be_on_the_way(
    pinned: Predictor, tmp_path: Path, clock: Callable[[float], None], seconds: float
) -> None:
    log = make_log(Spool(tmp_path / "spool"), tmp_path, Metrics())
    log.write()
    before = pinned.predict([CUSTOMER])
    log.put([before])
    clock(seconds)
    after = pinned.predict([CUSTOMER])
    log.put([after])
    for step in (bool, log.write, log.look):
        step()
        first, last = log.span_on_the_way()
        assert first - 1 <= before.made_at.milliseconds / 1000 <= last + 1
        assert first - 1 <= after.made_at.milliseconds / 1000 <= last + 1


def test_memory_is_late_by_the_steady_clock(
    pinned: Predictor, tmp_path: Path, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.log.prediction_log.LATE_SECONDS", 0.2)
    spool = SmallDisk(tmp_path / "spool")
    log = make_log(spool, tmp_path, Metrics())
    log.put([pinned.predict([CUSTOMER])])
    clock(HOUR)
    log.write()
    assert log.problem is None
    clock(-2 * HOUR)
    wait_until(lambda: "held in memory: No space left on device" in (log.problem or ""))


def test_a_shadows_rows_outlast_a_disk_that_fails_and_follow_their_predictions(
    pinned: Predictor, tmp_path: Path, clock: Callable[[float], None]
) -> None:
    spool = SmallDisk(tmp_path / "spool")
    log = make_log(spool, tmp_path, Metrics())
    log.put([pinned.predict([CUSTOMER] * 3)], shadow=pinned)
    log.write()
    clock(-HOUR)
    spool.free_bytes = 10**6
    log.write()

    first, second = spool.pages()
    assert [row[0] for row in rows_in(first)] == [row[0] for row in rows_in(second)]
    assert (".predictions." in first.name, ".challenger_predictions." in second.name) == (True, True)


def test_many_writers_and_a_jumping_clock_leave_no_row_out(
    pinned: Predictor, tmp_path: Path, clock: Callable[[float], None]
) -> None:
    log = make_log(Spool(tmp_path / "spool"), tmp_path, Metrics())
    made: list[str] = []

    def put() -> None:
        for _ in range(50):
            predicted = pinned.predict([CUSTOMER] * 3)
            made.extend(predicted.ids)
            log.put([predicted])

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        clock(-HOUR)
        log.write()
        clock(HOUR)
        log.look()
    log.close()

    assert sorted(row[0] for row in logged(tmp_path)) == sorted(made)
