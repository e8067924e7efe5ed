"""Servers as processes: started, judged by their answer, weighed and ended."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.errors import NoAnswer, StartFailed, WrongAnswer
from benchmarks.measuring import contenders, process
from benchmarks.measuring.contenders import Contender

PARENT = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]])"


def test_a_server_answers_until_it_is_ended(tmp_path: Path) -> None:
    with process.running(contenders.bare(), tmp_path / "server.log") as server:
        assert server.predict()[0] == 200
        assert server.resident_mb() > 0
    with pytest.raises(NoAnswer, match="bare uvicorn does not answer"):
        server.predict()


def test_the_children_of_a_server_are_weighed_and_ended_with_it(tmp_path: Path) -> None:
    bare = contenders.bare()
    nested = replace(bare, command=(sys.executable, "-c", PARENT, *bare.command[1:]))
    with process.running(bare, tmp_path / "server.log") as server:
        alone_mb = server.resident_mb()
    with process.running(nested, tmp_path / "server.log") as server:
        assert server.resident_mb() > alone_mb
    with pytest.raises(NoAnswer):
        server.predict()


def test_a_server_that_ends_at_once_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    broken = Contender("broken", (sys.executable, "-c", "raise SystemExit('no model here')"))
    with (
        pytest.raises(StartFailed, match=r"broken: no answer; its log ends with: no model here"),
        process.running(broken, tmp_path / "server.log"),
    ):
        pass


def test_a_server_with_another_model_takes_no_part(tmp_path: Path) -> None:
    other = replace(contenders.bare(), expected=0.123)
    with pytest.raises(WrongAnswer, match=r"does not contain 0\.1230"), process.running(other, tmp_path / "server.log"):
        pass
