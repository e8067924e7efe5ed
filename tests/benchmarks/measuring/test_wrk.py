"""The door to the load tool."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.errors import LoadFailed, ToolMissing
from benchmarks.measuring import contenders, process, wrk
from benchmarks.measuring.process import Server
from benchmarks.measuring.wrk import Load

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with process.running(contenders.bare(), tmp_path_factory.mktemp("bare") / "server.log") as server:
        yield server


def test_what_the_script_wrote_is_read_after_wrks_own_lines() -> None:
    written = '{"seconds":2.5,"answers":50,"refused":10,"late":1,"broken":2,"p50_ms":0.5,"p95_ms":1,"p99_ms":2000}'
    assert wrk.read(f"Running 2s test\n  1 threads\n\n{written}\n") == Load(2.5, 50, 10, 1, 2, 0.5, 1, 2000)


def test_refusals_are_not_counted_as_answered(make_load: Callable[..., Load]) -> None:
    assert make_load(seconds=2, answers=200, refused=50).answered_per_second == 75


def test_without_wrk_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="apt-get install wrk"):
        wrk.prepare()


@needs_wrk
def test_a_load_counts_answers_and_their_times(bare: Server) -> None:
    load = wrk.send(bare.url("/predict"), b"{}", key="none", connections=2, seconds=1)
    assert load.answers > 0
    assert (load.refused, load.broken) == (0, 0)
    assert 0 < load.p50_ms <= load.p95_ms <= load.p99_ms


@needs_wrk
def test_every_refusal_is_counted(tmp_path: Path) -> None:
    with process.running(contenders.empty(), tmp_path / "server.log") as server:
        load = wrk.send(server.url("/predict"), b"{}", key="none", connections=2, seconds=1)
    assert load.answers == load.refused > 0


@needs_wrk
def test_a_load_on_nobody_says_where() -> None:
    with pytest.raises(LoadFailed, match=r"http://127\.0\.0\.1:1/predict"):
        wrk.send("http://127.0.0.1:1/predict", b"{}", key="none", connections=1, seconds=1)
