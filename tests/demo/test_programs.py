"""The programs of the demo: their steps in one line, their warnings and errors, and all of it in a file."""

import contextlib
import os
import pty
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.programs import Programs, Status

SPEAKING = """
import sys
for line in ("12:00:00 INFO reading rows", "12:00:01 WARNING 3 rows were rejected", "12:00:02 INFO fitting"):
    print(line, file=sys.stderr)
print("model 1")
sys.exit({code})
"""


def test_elsewhere_than_on_a_terminal_each_step_is_a_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    done = Programs(tmp_path / "output.txt", {}, Status()).run("-c", SPEAKING.format(code=0))
    assert done == (0, "model 1\n")
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err == "  ... reading rows\n12:00:01 WARNING 3 rows were rejected\n  ... fitting\n"


def open_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Let stderr be a terminal, until what was written there is asked for; a fixture would get pytest's own stderr."""
    ours, theirs = pty.openpty()
    stderr = os.fdopen(theirs, "w")
    monkeypatch.setattr(sys, "stderr", stderr)

    def told() -> str:
        stderr.close()
        pieces = []
        with contextlib.suppress(OSError):  # Linux ends a terminal with an error
            while piece := os.read(ours, 10_000):
                pieces.append(piece)
        os.close(ours)
        return b"".join(pieces).decode()

    return told


def test_on_a_terminal_the_steps_share_a_line_and_only_warnings_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = open_terminal(monkeypatch)
    Programs(tmp_path / "output.txt", {}, Status()).run("-c", SPEAKING.format(code=0))
    told = terminal()
    lines = [line.rpartition("\r\x1b[K")[2] for line in told.split("\r\n")]  # as they look in the end
    assert lines == ["12:00:01 WARNING 3 rows were rejected", ""]
    assert "\r\x1b[K  ... reading rows" in told
    assert "\r\x1b[K  ... fitting" in told


def test_a_long_step_shows_its_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    now = 100.0
    monkeypatch.setattr("demo.programs.time.monotonic", lambda: now)
    status = Status()
    status.show("fitting")
    now = 112.3
    status.tick()
    assert terminal().endswith("\r\x1b[K  ... fitting, 12 s")


def test_all_that_programs_print_is_kept_and_an_earlier_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "output.txt").write_text("of an earlier demo")
    programs = Programs(tmp_path / "output.txt", {"LEFT": "12"}, Status())
    programs.run("-c", SPEAKING.format(code=0))
    programs.run("-c", "import os; print(os.environ['LEFT'])")
    kept = (tmp_path / "output.txt").read_text()
    assert kept.startswith("$ python -c ")
    assert "12:00:00 INFO reading rows\n" in kept
    assert "\nmodel 1\n" in kept
    assert kept.endswith("\n12\n\n")


def test_a_failed_program_ends_the_demo_with_its_code(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    programs = Programs(tmp_path / "output.txt", {}, Status())
    assert programs.run("-c", SPEAKING.format(code=1), allowed=(0, 1)) == (1, "model 1\n")
    with pytest.raises(SystemExit) as ended:
        programs.run("-c", "import sys; sys.exit('no rows')", allowed=(0, 2))
    assert ended.value.code == 1
    assert capfd.readouterr().err.endswith("no rows\n")
