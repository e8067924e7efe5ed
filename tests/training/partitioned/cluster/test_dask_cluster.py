"""The promise of a cluster, with real processes: the same trees, and an end whatever is lost."""

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event, Timer
from typing import Any

import dask
import numpy as np
import pytest
from xgboost import XGBClassifier, collective

from demo.running_service import free_port
from models.columns.column_mapping import ColumnMapping
from models.errors import PinLocked
from models.features import CONTRACT
from tests.snapped_rows import FITTED, STOPPED, TRAINED, WATCHED, draw, edges_of, part_of, shuffled, trees, unfitted
from tests.waiting import is_listening, wait_until
from training.errors import SourceUnreadable
from training.learning import presets, tuning
from training.learning.trial import Judge, Trial
from training.learning.tuning import TuningResult
from training.partitioned import boosting, executors, passes, sampled_search
from training.partitioned.checked_rows import Source
from training.partitioned.cluster import clients, dask_cluster
from training.partitioned.cluster.dask_cluster import DaskCluster
from training.partitioned.cluster.errors import ClusterLost, ClusterPackagesMissing, ClusterUnfit, ClusterUnreachable
from training.partitioned.executor import InProcess
from training.partitioned.passes import Task
from training.partitioned.preparation import SnappedRows
from training.partitioned.snapped_part import Edges, SnappedPart
from training.partitioned.tables.database_table import DatabaseTable, KeyRange

pytestmark = pytest.mark.slow
WORKERS = 4


@pytest.fixture(scope="module")
def edges() -> Edges:
    return edges_of(draw()[0])


@pytest.fixture(scope="module")
def whole(edges: Edges) -> SnappedPart:
    return part_of(*draw(), edges)


@pytest.fixture(scope="module")
def cluster() -> Iterator[DaskCluster]:
    with executors.opened(f"local:{WORKERS}") as executor:
        assert isinstance(executor, DaskCluster)
        yield executor


def keep(cluster: DaskCluster, parts: Sequence[SnappedPart]) -> list[Any]:
    """Keep each part on another worker, while that worker is there."""
    wait_until(lambda: len(cluster._workers()) == WORKERS)
    return [
        cluster._client.submit(lambda part: part, part, workers=[worker], allow_other_workers=True, pure=False)
        for part, worker in zip(parts, cluster._workers(), strict=False)
    ]


def test_the_workers_take_turns_with_what_they_share(cluster: DaskCluster) -> None:
    wait_until(lambda: len(cluster._workers()) == WORKERS)
    shared = cluster.share(np.arange(3_000_000))  # more than Dask warns of
    found = list(cluster.spread(lambda value, add: (os.getpid(), int(value[-1]) + add), shared, range(8)))
    assert [number for _, number in found] == [2_999_999 + add for add in range(8)]
    assert len({process for process, _ in found}) == WORKERS


@pytest.mark.parametrize(
    ("others", "trained", "watched"), [({}, TRAINED, None), (STOPPED, FITTED, WATCHED)], ids=["usual", "early stopping"]
)
def test_one_to_four_processes_grow_the_same_trees(
    cluster: DaskCluster, whole: SnappedPart, edges: Edges, others: dict[str, float], trained: Any, watched: Any
) -> None:
    fit = partial(boosting.fit, unfitted(others), edges=edges, trained=trained, watched=watched)
    expected = trees(fit([whole]))
    for processes in range(1, WORKERS + 1):
        at = [1_000 * number for number in range(1, processes)]
        kept = keep(cluster, shuffled(whole, at))
        assert len(cluster._placed(kept)) == processes
        assert trees(fit(kept, executor=cluster)) == expected


def test_results_come_in_the_order_of_the_parts(cluster: DaskCluster) -> None:
    kept = list(cluster.map(lambda number: number + 1, range(9), keep=True))
    assert list(cluster.map(lambda number: number * 10, kept, keep=False)) == [10 * number for number in range(1, 10)]


def test_a_cluster_holds_the_results_of_a_few_parts(cluster: DaskCluster) -> None:
    wait_until(lambda: len(cluster._workers()) == WORKERS)
    before = len(cluster._client.futures)
    held = [len(cluster._client.futures) for _ in cluster.map(lambda number: number, range(40), keep=False)]
    assert len(held) == 40
    assert max(held) - before <= dask_cluster._AHEAD * WORKERS


@pytest.mark.parametrize(
    "error",
    [
        SourceUnreadable(source="a.parquet", problem="is damaged"),
        PinLocked(path=Path("pin"), seconds=3),
        FileNotFoundError("no such folder"),
    ],
)
def test_an_error_on_a_worker_arrives_as_it_was_raised(cluster: DaskCluster, error: Exception) -> None:
    facts = type(error), error.args, error.__dict__

    def refuse(number: int) -> int:
        if number == 2:
            raised = facts[0].__new__(facts[0], *facts[1])
            raised.__dict__.update(facts[2])
            raise raised
        return number

    with pytest.raises(type(error), match=re.escape(str(error))) as caught:
        list(cluster.map(refuse, range(4), keep=False))
    assert caught.value.__dict__ == error.__dict__


def test_an_error_in_one_process_ends_its_group(cluster: DaskCluster, whole: SnappedPart) -> None:
    def refuse(_: Sequence[int]) -> int:
        if collective.get_rank() == 1:
            raise ZeroDivisionError("of one process")
        return int(collective.allreduce(np.ones(1, np.int64), collective.Op.SUM)[0])

    kept = keep(cluster, shuffled(whole, [1_000]))
    with pytest.raises(ZeroDivisionError, match="of one process"):
        cluster.together(refuse, kept)


def dying(planned: boosting.Plan, marks: Path, times: int) -> Callable[[Sequence[SnappedPart]], boosting.Boosted]:
    """Boost a few trees, then kill the first process of the group, and boost; the first so many times."""

    def boost(parts: Sequence[SnappedPart]) -> boosting.Boosted:
        boosting.boost(parts, replace(planned, trees=3))
        if collective.get_rank() == 0 and len(list(marks.iterdir())) < times:
            (marks / str(os.getpid())).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return boosting.boost(parts, planned)

    return boost


def test_a_killed_worker_costs_only_time(
    cluster: DaskCluster, whole: SnappedPart, edges: Edges, tmp_path: Path
) -> None:
    planned = boosting.plan(unfitted(), edges, trained=TRAINED, watched=None)
    kept = keep(cluster, shuffled(whole, [1_000, 2_000, 3_000]))
    found = cluster.together(dying(planned, tmp_path, times=1), kept)
    assert len(list(tmp_path.iterdir())) == 1
    assert found == boosting.boost([whole], planned)


def test_workers_that_are_killed_again_and_again_end_the_fit(
    cluster: DaskCluster, whole: SnappedPart, edges: Edges, tmp_path: Path
) -> None:
    planned = boosting.plan(unfitted(), edges, trained=TRAINED, watched=None)
    kept = keep(cluster, shuffled(whole, [1_000]))
    with pytest.raises(ClusterLost, match="workers were lost in 3 attempts"):
        cluster.together(dying(planned, tmp_path, times=9), kept)
    assert len(list(tmp_path.iterdir())) == dask_cluster.ATTEMPTS


def test_a_search_finds_the_same_on_workers_of_which_one_is_killed(
    cluster: DaskCluster, whole: SnappedPart, edges: Edges, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix, churned = draw()
    held_out = [np.arange(400)[number::4] for number in range(4)]
    rows = matrix[:400], churned[:400], [(~np.isin(np.arange(400), held), held) for held in held_out]
    monkeypatch.setattr(tuning, "UNPRUNED_TRIALS", 1)

    class Dying(XGBClassifier):
        """Kills its process in the first fit of the second trial, when all workers have the rows."""

        def fit(self, *arguments: Any, **options: Any) -> Any:
            with suppress(FileExistsError):
                if self.max_depth != 3:
                    (tmp_path / "killed").touch(exist_ok=False)
                    os.kill(os.getpid(), signal.SIGKILL)
            return super().fit(*arguments, **options)

    def search(kind: type[XGBClassifier], name: str, judge: Judge | None) -> tuple[TuningResult, list[Trial]]:
        told: list[Trial] = []
        found = tuning.tune(
            kind(**unfitted({"max_depth": 3}).get_params()),
            *rows,
            trials=3,
            storage=tmp_path / f"{name}.db",
            on_trial=told.append,
            judge_elsewhere=judge,
        )
        return found, told

    wait_until(lambda: len(cluster._workers()) == WORKERS)
    expected = search(XGBClassifier, "here", None)
    assert search(Dying, "there", sampled_search.judge(cluster, *rows)) == expected
    assert (tmp_path / "killed").exists()
    assert expected[0].pruned == 1
    tables = [
        SnappedRows(parts, edges, executor, seed=7, are_sampled=True)
        for parts, executor in ((keep(cluster, shuffled(whole, [1_000, 2_000])), cluster), ([whole], InProcess()))
    ]
    there, here = (sampled_search.best_trees(unfitted({"learning_rate": 0.3}), one, searched=False) for one in tables)
    assert 1 < there == here < presets.MOST_TREES


@contextmanager
def program(name: str, *arguments: str, folder: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of Dask in a folder; what it prints is added to `log`."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{name}", *arguments, "--host=127.0.0.1", "--no-dashboard"]
    with (
        log.open("ab") as out,
        subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT) as running,
    ):
        try:
            yield running
        finally:
            running.kill()


def refuse_a_database(cluster: DaskCluster, log: Path) -> None:
    """Let a worker read a database that it cannot reach; nothing tells the password of its address."""
    password, port = secrets.token_hex(8), free_port()
    table = DatabaseTable(f"postgresql://ann:{password}@127.0.0.1:{port}/rows", "select 1 as number", "number")
    task = Task(Source(table, ColumnMapping(), ()), CONTRACT, 7, None)
    with pytest.raises(SourceUnreadable, match=r"postgresql://ann:\*\*\*@127.0.0.1.* or start the database") as told:
        list(cluster.map(partial(passes.summarise, task), [KeyRange(None, None, 1)], keep=False))
    wait_until(lambda: "SourceUnreadable" in log.read_text())
    assert password not in log.read_text() + repr(told.value.__dict__)


def test_a_scheduler_without_fit_workers_is_refused_and_a_lost_one_ends_the_fit(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "CONNECT_SECONDS", 0.2)
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    with pytest.raises(ClusterUnreachable, match="no scheduler of Dask answers there"):
        dask_cluster.connect(address).__enter__()
    log = tmp_path / "log"
    with program("scheduler", f"--port={port}", folder=root, log=log) as scheduler:
        wait_until(lambda: is_listening(port))
        monkeypatch.setattr(clients, "CONNECT_SECONDS", 2)
        with pytest.raises(ClusterUnfit, match="it has no workers"):
            dask_cluster.connect(address).__enter__()
        monkeypatch.setattr(clients, "CONNECT_SECONDS", 60)
        worker = partial(program, "worker", address, "--nthreads=1", "--no-nanny", log=log)
        with worker(folder=tmp_path), pytest.raises(ClusterUnfit, match="cannot import this project"):
            dask_cluster.connect(address).__enter__()
        with worker(folder=root), dask_cluster.connect(address) as cluster:
            refuse_a_database(cluster, log)
            kept = list(cluster.map(lambda number: number, range(2), keep=True))
            scheduler.send_signal(signal.SIGSTOP)
            with monkeypatch.context() as patched:
                patched.setattr(clients, "LOST_SECONDS", 1)
                with pytest.raises(ClusterLost, match="its scheduler was lost"):
                    cluster.together(len, kept)
            scheduler.send_signal(signal.SIGCONT)
            Timer(1, scheduler.kill).start()
            with pytest.raises(ClusterLost, match="its scheduler was lost"):
                cluster.together(lambda _: Event().wait(60), kept)


def test_what_is_no_scheduler_that_can_be_reached_is_told_with_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ClusterUnreachable, match=re.escape("nothing came in 0.2 seconds")):
            dask_cluster.connect(f"tcp://{address}").__enter__()
        with pytest.raises(ClusterUnreachable, match=r"TLS expects a `ssl_context`.*set the certificates"):
            dask_cluster.connect(f"tls://{address}").__enter__()
        encrypted = dask.config.set({"distributed.comm.require-encryption": True})
        with encrypted, pytest.raises(ClusterUnreachable, match="encryption required"):
            dask_cluster.connect(f"tcp://{address}").__enter__()


def test_without_the_packages_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "training.partitioned.cluster.dask_cluster", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delattr("training.partitioned.cluster.dask_cluster", raising=False)
    with pytest.raises(ClusterPackagesMissing, match=re.escape("Install requirements/cluster.txt")):
        executors.opened("local:1").__enter__()


def test_nothing_imports_dask_without_a_cluster(root: Path) -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(['dask', 'distributed']));"
        "from training import __main__, pipeline, report; from training.partitioned import executors;"
        "print(type(executors.opened(None).__enter__()).__name__)"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout == "InProcess\n"
