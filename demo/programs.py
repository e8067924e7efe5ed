"""Runs the project's programs, shows in one line what they do, and keeps what they print in a file."""

import os
import re
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

_STEP = re.compile(r"\d\d:\d\d:\d\d INFO (.+)")
"""A line of a program's log that names its next step; other lines are warnings and errors."""
_WIDEST = 90


class Status:
    """One line on a terminal: the step that runs, and for how many seconds. Elsewhere, a line for each step."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._step, self._begun = "", 0.0

    def show(self, step: str) -> None:
        """Show the next step."""
        self._step, self._begun = step, time.monotonic()
        if self._is_terminal:
            self.tick()
        else:
            sys.stderr.write(f"  ... {step}\n")

    def tick(self) -> None:
        """Show how long the step has run."""
        if self._is_terminal and self._step:
            seconds = int(time.monotonic() - self._begun)
            self._write(f"  ... {self._step[:_WIDEST]}" + (f", {seconds} s" if seconds else ""))

    def clear(self) -> None:
        """Remove the line, before other output."""
        if self._is_terminal and self._step:
            self._write("")
        self._step = ""

    def _write(self, line: str) -> None:
        sys.stderr.write(f"\r\x1b[K{line}")  # back to the begin of the line, and clear it
        sys.stderr.flush()


class Programs:
    """The programs of one demo."""

    def __init__(self, output: Path, variables: Mapping[str, str], status: Status) -> None:
        """`output` is the file that keeps what they print; `variables` are theirs besides our own."""
        self._output, self._environment, self._status = output, {**os.environ, **variables}, status
        output.write_bytes(b"")

    def run(self, *arguments: str, allowed: tuple[int, ...] = (0,)) -> tuple[int, str]:
        """Run `python` with these arguments; return the exit code and the standard output.

        Warnings and errors go to our stderr.

        Raises:
            SystemExit: the exit code is not in `allowed`.
        """
        with self._output.open("ab") as kept, tempfile.TemporaryFile() as out:
            kept.write(f"$ python {' '.join(arguments)}\n".encode())
            command, environment = [sys.executable, *arguments], self._environment
            with subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.PIPE, bufsize=0) as process:
                try:
                    for line in _lines(process, self._status.tick):
                        kept.write(line)
                        self._tell(line.decode(errors="replace"))
                except BaseException:
                    process.kill()
                    raise
            self._status.clear()
            out.seek(0)
            printed = out.read()
            kept.write(printed + b"\n")
        if process.returncode not in allowed:
            raise SystemExit(process.returncode)
        return process.returncode, printed.decode()

    def _tell(self, line: str) -> None:
        if step := _STEP.match(line):
            self._status.show(step[1])
        else:
            self._status.clear()
            sys.stderr.write(line)


def _lines(process: "subprocess.Popen[bytes]", each_second: Callable[[], None]) -> Iterator[bytes]:
    """Yield the lines of a program's stderr, and call `each_second` between them."""
    assert process.stderr is not None  # noqa: S101  # for the type checker: it is a pipe
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stderr, selectors.EVENT_READ)
        while True:
            if not selector.select(timeout=1):
                each_second()
            elif piece := process.stderr.read(65_536):
                *lines, rest = (rest + piece).split(b"\n")
                yield from (line + b"\n" for line in lines)
            else:
                break
    if rest:
        yield rest
