"""Sends load with wrk: one POST, repeated over a number of connections, each of which waits for its answer."""

import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from pydantic import TypeAdapter

from benchmarks.errors import LoadFailed, ToolMissing
from benchmarks.measuring import cores

TIMEOUT_SECONDS = 2
_SCRIPT = Path(__file__).with_suffix(".lua")
_OPEN_FILES = 8_192


@dataclass(frozen=True)
class Load:
    """The results of one load."""

    seconds: float
    answers: int
    """All answers, refusals included."""
    refused: int
    """Answers with a status of 400 or more."""
    late: int
    """Answers that took more than two seconds; they count as two seconds in the percentiles."""
    broken: int
    """Failures to connect, to read or to write."""
    p50_ms: float
    p95_ms: float
    p99_ms: float

    @property
    def answered_per_second(self) -> float:
        """Answers per second, without refusals."""
        return (self.answers - self.refused) / self.seconds


def prepare() -> None:
    """Make sure that wrk is installed, and allow enough open files for a thousand connections.

    Raises:
        ToolMissing: wrk is not installed.
    """
    if shutil.which("wrk") is None:
        raise ToolMissing(tool="wrk")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES if most < 0 else min(_OPEN_FILES, most), most))


def send(url: str, body: bytes, *, key: str, connections: int, seconds: int) -> Load:
    """Send one body repeatedly for some seconds, with an API key.

    Raises:
        LoadFailed: no server listens at the URL, or wrk failed.
    """
    with NamedTemporaryFile() as file, cores.pinned(cores.LOAD):
        file.write(body)
        file.flush()
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={TIMEOUT_SECONDS}s", f"--script={_SCRIPT}"]
        command = ["wrk", *options, url, "--", file.name, key]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LoadFailed(url=url, problem=(done.stderr or done.stdout).strip())
    return read(done.stdout)


def read(output: str) -> Load:
    """Read the JSON line of the script, after wrk's own lines."""
    return TypeAdapter(Load).validate_json(output.strip().split("\n")[-1])
