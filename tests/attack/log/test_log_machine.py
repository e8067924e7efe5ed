"""Random faults around the prediction log: each row that was promised is stored once, or counted as lost."""

import errno
import re
import shutil
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from models.features import CONTRACT, CustomerFeatures
from models.log import log_tables, migrations
from service import clock, random_ids
from service.log.logged_inputs import InputKeeper
from service.log.prediction_log import SpooledLog
from service.log.shipper import Shipper
from service.log.spool import Spool
from service.metrics.metrics import Metrics
from service.model.predictor import PredictionBatch, Predictor
from tests.conftest import PostgresServer

CUSTOMER = CustomerFeatures(**CONTRACT.example)
MATRIX = CONTRACT.encode_rows([CUSTOMER])
POLICY = SimpleNamespace(churns=lambda probability: probability > 0.5, tier=lambda _: "low")
SCORER = SimpleNamespace(version="v2", policy=POLICY, score=lambda matrix: np.full(len(matrix), 0.25))
SHADOW = cast(Predictor, SimpleNamespace(scorer=SCORER, contract=CONTRACT))
FAULTS = [errno.EIO, errno.EROFS, errno.EACCES, errno.ENOSPC]
HOUR, ROW_BYTES = 3600, 200
ID = re.compile("[0-9a-f]{32}")


class Killed(BaseException):
    """The process ended here."""


class FaultySpool(Spool):
    """A folder on a disk that fails when told."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder
        self.fails_with = 0
        self.free_bytes: int | None = None
        self.ends_before = ""

    def remove(self, page: Path) -> None:
        self._end("remove")
        super().remove(page)

    def reject(self, page: Path, reason: str) -> Path:
        self._end("reject")
        return super().reject(page, reason)

    def _put(self, path: Path, content: bytes) -> None:
        if self.fails_with:
            raise OSError(self.fails_with, "the disk fails")
        if self.free_bytes is not None:
            if len(content) > self.free_bytes:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.free_bytes -= len(content)
        if self.ends_before == "rename":
            self.folder.mkdir(exist_ok=True, parents=True)
            (self.folder / f"{path.name}.part").write_bytes(content)
            self._end("rename")
        super()._put(path, content)

    def _end(self, step: str) -> None:
        if self.ends_before == step:
            self.ends_before = ""
            raise Killed


class LogMachine(RuleBasedStateMachine):
    """A log, a shipper and a database, which are used, hurt, killed and started again."""

    template: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.offset = 0.0
        real, real_ns = time.time, time.time_ns
        self.patch.setattr(time, "time", lambda: real() + self.offset)
        self.patch.setattr(time, "time_ns", lambda: real_ns() + int(self.offset * 1e9))
        self.patch.setattr(log_tables, "BUSY_SECONDS", 0.01)
        self.patch.setattr("service.log.page_writer.PAGE_ROWS", 20)
        self.folder = Path(mkdtemp(prefix="log-machine-"))
        self.spool = FaultySpool(self.folder / "spool")
        self.given: list[str] = []
        self.in_memory: set[str] = set()
        self.lost: set[str] = set()  # with a killed process, a torn page or a removed folder, or dropped and counted
        self.dropped = 0
        self.torn: set[str] = set()
        self.has_lost_pages = False
        self.holder: Any = None
        self.kills_at_commit = False
        sa.event.listen(sa.Engine, "commit", self.before_commit)

    def before_commit(self, _connection: Any) -> None:
        if self.kills_at_commit:
            self.kills_at_commit = False
            raise Killed

    @initialize()
    def begin(self) -> None:
        self.prepare_database()
        self.start_log()
        self.shipper = Shipper(self.spool, self.database_url)

    def prepare_database(self) -> None:
        shutil.copy(self.template, self.folder / "log.db")
        self.database_url = f"sqlite:///{self.folder / 'log.db'}"

    def start_log(self) -> None:
        self.metrics = Metrics()
        self.log = SpooledLog(self.spool, keep=InputKeeper("none", self.folder), max_bytes=10**9, metrics=self.metrics)

    # What clients and the two threads do

    @rule(rows=st.integers(1, 60), with_shadow=st.booleans())
    def put(self, rows: int, *, with_shadow: bool) -> None:
        now = clock.now()
        ids = random_ids.draw_ids(now.milliseconds, rows)
        batch = PredictionBatch(
            customers=[CUSTOMER] * rows,
            matrix=np.repeat(MATRIX, rows, axis=0),
            ids=ids,
            probabilities=[0.75] * rows,
            decisions=[True] * rows,
            tiers=["high"] * rows,
            model_version="v1",
            made_at=now,
        )
        self.log.put([batch], shadow=SHADOW if with_shadow else None)
        self.given += ids
        self.in_memory |= set(ids)

    @rule()
    def write(self) -> None:
        """Write the queue, and hold the log to what it has left memory."""
        with suppress(Killed):
            self.log.write()
            self.in_memory = ids_in("".join(map(str, self.log._rows)))

    @rule()
    def ship(self) -> None:
        self.shipper.ship()

    # What goes wrong

    @rule(fault=st.sampled_from(FAULTS))
    def fail_to_write(self, fault: int) -> None:
        self.spool.fails_with = fault
        self.write()
        self.spool.fails_with = 0

    @rule(free_bytes=st.integers(0, 20_000))
    def fill_disk(self, free_bytes: int) -> None:
        self.spool.free_bytes = free_bytes

    @rule()
    def empty_disk(self) -> None:
        self.spool.free_bytes = None

    @rule()
    def fill_spool(self) -> None:
        dropped = ids_in("".join(map(str, self.log._rows)))
        self.log._max_bytes = 0
        self.write()
        self.log._max_bytes = 10**9
        self.count_dropped(dropped)

    @rule(seconds=st.sampled_from([-HOUR, HOUR, -10, 10]))
    def move_clock(self, seconds: int) -> None:
        self.offset += seconds

    @rule()
    def kill_writer_before_rename(self) -> None:
        self.spool.ends_before = "rename"
        self.write()
        self.spool.ends_before = ""
        self.lost |= self.in_memory
        self.check_dropped()
        self.start_log()

    @rule()
    def end_by_signal(self) -> None:
        self.log.close()
        left = ids_in("".join(map(str, self.log._rows)))
        assert not left or (self.spool.free_bytes is not None and self.spool.free_bytes < ROW_BYTES)
        self.count_dropped(left)
        self.check_dropped()
        self.start_log()

    @rule(step=st.sampled_from(["remove", "reject", "commit"]))
    def kill_shipper(self, step: str) -> None:
        self.kills_at_commit = step == "commit"
        self.spool.ends_before = "" if step == "commit" else step
        with suppress(Killed):
            self.shipper.ship()
        self.kills_at_commit, self.spool.ends_before = False, ""
        self.shipper.close()
        self.shipper = Shipper(self.spool, self.database_url)

    @rule()
    def take_database_away(self) -> None:
        if self.holder is None:
            self.holder = sqlite3.connect(self.folder / "log.db", isolation_level=None)
            self.holder.execute("BEGIN EXCLUSIVE")

    @rule()
    def bring_database_back(self) -> None:
        if self.holder is not None:
            self.holder.close()
            self.holder = None

    @rule(data=st.data())
    def tear_page(self, data: st.DataObject) -> None:
        pages = [page for page in self.spool.pages() if page.is_file() and page.stat().st_size]
        if not pages:
            return
        page = data.draw(st.sampled_from(pages))
        content = page.read_bytes()
        at = data.draw(st.integers(0, len(content) - 1))
        size = len(content) - at
        flipped = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        torn = data.draw(st.sampled_from([content[:at], content[:at] + bytes(size), b"\xff" * at, flipped]))
        page.write_bytes(torn)
        self.torn.add(page.name)
        self.lose_page(b"".join(set(content.split(b"\n")) - set(torn.split(b"\n")[:-1])))

    @rule(kind=st.sampled_from(["file", "folder", "name"]))
    def add_oddity(self, kind: str) -> None:
        self.spool.folder.mkdir(exist_ok=True, parents=True)
        page = self.spool.folder / f"{random_ids.draw()}{'' if kind == 'name' else '.predictions'}.page"
        if kind == "folder":
            page.mkdir()
        else:
            page.write_bytes(b"\x00\xff" * 50)
        self.torn.add(page.name)

    @rule()
    def remove_folder(self) -> None:
        for page in self.spool.pages():
            if page.is_file():
                self.lose_page(page.read_bytes())
        shutil.rmtree(self.spool.folder, ignore_errors=True)
        self.torn.clear()

    # What must be so

    @invariant()
    def is_healthy_or_says_why(self) -> None:
        self.log.look()
        assert self.log.problem is None or self.log.problem.endswith(".")

    def lose_page(self, content: bytes) -> None:
        self.has_lost_pages = True
        self.lost |= ids_in(content.decode(errors="replace"))

    def count_dropped(self, ids: set[str]) -> None:
        self.lost |= ids
        self.dropped += len(ids)

    def check_dropped(self) -> None:
        assert f"churn_log_dropped_rows_total {float(self.dropped)}\n" in self.metrics.expose().decode()
        self.dropped, self.in_memory = 0, set()

    def teardown(self) -> None:
        """Let all faults end; then what was promised is stored, and what was torn lies aside."""
        try:
            self.bring_database_back()
            self.spool.free_bytes = None
            self.log.close()
            self.check_dropped()
            for _ in range(3):
                self.shipper.ship()
            self.check_log()
        finally:
            self.shipper.close()
            sa.event.remove(sa.Engine, "commit", self.before_commit)
            self.patch.undo()
            shutil.rmtree(self.folder)

    def check_log(self) -> None:
        assert self.spool.pages() == []
        stored = self.read(log_tables.PREDICTIONS)
        assert set(self.given) - self.lost <= set(stored) <= set(self.given)
        assert set(self.read(log_tables.CHALLENGER_PREDICTIONS)) <= set(stored)
        rejected = self.spool.waiting().rejected_pages
        assert rejected >= len(self.torn)
        assert self.has_lost_pages or rejected == len(self.torn)

    def read(self, table: sa.Table) -> list[str]:
        engine = log_tables.connect(self.database_url)
        with engine.connect() as connection:
            found = list(connection.scalars(sa.select(table.c.prediction_id)))
        engine.dispose()
        return found


def ids_in(text: str) -> set[str]:
    return set(ID.findall(text))


@pytest.fixture
def machine(tmp_path: Path) -> type[LogMachine]:
    """A machine with a SQLite file, which begins as a copy of one with tables."""
    engine = log_tables.connect(f"sqlite:///{tmp_path / 'template.db'}", create=True)
    migrations.upgrade(engine)
    engine.dispose()

    class WithSqlite(LogMachine):
        template = tmp_path / "template.db"

    return WithSqlite


def run(machine: type[RuleBasedStateMachine], examples: int) -> None:
    limits = settings(
        max_examples=examples,
        stateful_step_count=30,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        database=None,
    )
    run_state_machine_as_test(machine, settings=limits)


def test_whatever_fails_each_promised_row_is_stored_once_or_counted(machine: type[LogMachine]) -> None:
    run(machine, examples=30)


@pytest.mark.postgres
def test_so_it_is_with_postgresql(postgres_server: PostgresServer, postgres_url: str) -> None:
    engine = log_tables.connect(postgres_url)
    migrations.upgrade(engine)
    engine.dispose()

    class WithPostgres(LogMachine):
        def prepare_database(self) -> None:
            self.database_url = postgres_url
            engine = log_tables.connect(postgres_url)
            with engine.begin() as connection:
                connection.exec_driver_sql("TRUNCATE predictions, challenger_predictions, outcomes, traffic")
            engine.dispose()

        @rule()
        def take_database_away(self) -> None:
            if self.holder is None:
                postgres_server.stop()
                self.holder = postgres_server

        @rule()
        def bring_database_back(self) -> None:
            if self.holder is not None:
                postgres_server.start()
                self.holder = None

    run(WithPostgres, examples=4)
