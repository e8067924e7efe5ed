"""`.ci/test` runs the tests in lanes, and Ctrl-C ends all of them."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.waiting import wait_until

PYTEST = """#!/usr/bin/env python3
import pathlib, sys, time
note = pathlib.Path(str(time.monotonic_ns()) + ".note")
try:
    note.write_text("begun")
    time.sleep(20)
except KeyboardInterrupt:
    note.write_text("cleared up")
    sys.exit(2)
"""


def test_ctrl_c_ends_the_lanes_that_run_and_begins_no_other(root: Path, tmp_path: Path) -> None:
    program = tmp_path / ".venv" / "bin" / "pytest"
    for folder in (program.parent, tmp_path / ".ci"):
        folder.mkdir(parents=True)
    shutil.copy(root / ".ci" / "test", tmp_path / ".ci")
    program.write_text(PYTEST)
    program.chmod(0o755)

    def notes() -> list[str]:
        return [path.read_text() for path in tmp_path.glob("*.note")]

    with subprocess.Popen([tmp_path / ".ci" / "test"], cwd=tmp_path, start_new_session=True) as lanes:
        wait_until(lambda: notes() == ["begun"] * 3)
        os.killpg(lanes.pid, signal.SIGINT)  # as the terminal does
    assert lanes.returncode == 130
    assert notes() == ["cleared up"] * 3
