"""`.ci/test` runs the tests in lanes, and Ctrl-C ends all of them."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import conftest
from tests.waiting import wait_until

WAITS = """#!/usr/bin/env python3
import pathlib, sys, time
note = pathlib.Path(str(time.monotonic_ns()) + ".note")
try:
    note.write_text("begun")
    time.sleep(20)
except KeyboardInterrupt:
    note.write_text("cleared up")
    sys.exit(2)
"""
ENDS = """#!/usr/bin/env python3
import sys
deployed = "cache_dir=var/lanes/deployments" in sys.argv
sys.exit(deployed and {again} if "--last-failed" in sys.argv else deployed and {first})
"""


@pytest.fixture
def lanes(root: Path, tmp_path: Path) -> Path:
    """A folder that has the script, and room for a pytest."""
    for folder in (tmp_path / ".venv" / "bin", tmp_path / ".ci"):
        folder.mkdir(parents=True)
    shutil.copy(root / ".ci" / "test", tmp_path / ".ci")
    return tmp_path


def put_pytest(folder: Path, text: str) -> None:
    program = folder / ".venv" / "bin" / "pytest"
    program.write_text(text)
    program.chmod(0o755)


def test_ctrl_c_ends_the_lanes_that_run_and_begins_no_other(lanes: Path) -> None:
    put_pytest(lanes, WAITS)

    def notes() -> list[str]:
        return [path.read_text() for path in lanes.glob("*.note")]

    with subprocess.Popen([lanes / ".ci" / "test"], cwd=lanes, start_new_session=True) as process:
        wait_until(lambda: notes() == ["begun"] * 3)
        os.killpg(process.pid, signal.SIGINT)  # as the terminal does
    assert process.returncode == 130
    assert notes() == ["cleared up"] * 3


def test_programs_of_tests_hear_ctrl_c_where_a_shell_made_the_run_deaf_to_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        conftest.pytest_configure()
        asked = [sys.executable, "-c", "import signal; print(signal.getsignal(signal.SIGINT).__name__)"]
        told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    finally:
        signal.signal(signal.SIGINT, before)
    assert told == "default_int_handler\n"


@pytest.mark.parametrize(
    ("first", "again", "code"), [(0, 0, 0), (5, 0, 0), (1, 0, 0), (1, 1, 1), (1, 5, 1), (2, 0, 1), (3, 0, 1)]
)
def test_only_tests_that_fail_twice_or_cannot_run_fail_the_run(first: int, again: int, code: int, lanes: Path) -> None:
    put_pytest(lanes, ENDS.format(first=first, again=again))
    done = subprocess.run([lanes / ".ci" / "test"], cwd=lanes, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert ("tests of the lane deployments failed" in done.stdout) == (first == 1)


def test_each_test_file_runs_in_exactly_one_lane(root: Path, files: list[Path]) -> None:
    found = re.search(r"^containers=.*?^\)$", (root / ".ci" / "test").read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None
    told = 'printf "%s\\n" "${containers[@]}" "" "${deployments[@]}" "" "${others[@]}"'
    expanded = subprocess.run(["bash", "-c", f"{found[0]}\n{told}"], capture_output=True, text=True, check=True).stdout
    containers, deployments, others = ([Path(line) for line in lane.split()] for lane in expanded.split("\n\n"))
    assert [path for path in (*containers, *deployments, *others) if not (root / path).exists()] == []

    def lanes_of(file: Path) -> list[Path]:
        """Return what each lane that runs it names; the serial lane runs the tests that no other one names."""
        inside = [path for path in others if file.is_relative_to(path) and file not in (*containers, *deployments)]
        named = [path for path in (*containers, *deployments) if path == file] + inside
        return named or [path for path in [Path("tests")] if file.is_relative_to(path)]

    tests = [path for path in files if re.fullmatch(r"test_.*\.py|.*_test\.py", path.name)]
    assert len(tests) > 300
    assert {file: lanes for file in tests if len(lanes := lanes_of(file)) != 1} == {}
