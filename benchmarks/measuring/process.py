"""Runs a server as a process on one core, measures its memory, and ends it with all its child processes."""

import math
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from benchmarks.errors import NoAnswer, StartFailed, WrongAnswer
from benchmarks.measuring import cores
from benchmarks.measuring.contenders import PORT, Contender
from demo.running_service import free_port

START_LIMIT_SECONDS, STOP_LIMIT_SECONDS, POLL_SECONDS = 120, 5, 0.05
_NUMBER = re.compile(r"\d+\.\d+")


@dataclass(frozen=True)
class Server:
    """A running contender."""

    contender: Contender
    port: int
    process_id: int

    def url(self, path: str) -> str:
        """Return the URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, str]:
        """Send one POST, or a GET if there is no body; return status and body of the answer.

        Raises:
            NoAnswer: the server does not answer.
        """
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            headers = {"Content-Type": "application/json", "X-API-Key": self.contender.key}
            connection.request("GET" if body is None else "POST", path, body, headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, HTTPException) as error:
            raise NoAnswer(server=self.contender.name, problem=str(error) or type(error).__name__) from error
        finally:
            connection.close()

    def predict(self) -> tuple[int, str]:
        """Send the contender's request once; return status and body of the answer."""
        return self.ask(self.contender.path, self.contender.body)

    def resident_mb(self) -> float:
        """Return the resident memory of its processes in 10^6 bytes."""
        return resident_mb(self.process_id)


@contextmanager
def running(contender: Contender, log: Path) -> Iterator[Server]:
    """Start a contender on a free port, yield it when it answers, and end it after the block.

    Raises:
        StartFailed: it ended, or did not answer in time.
        WrongAnswer: its answer is not the probability of the pinned model.
    """
    port = free_port()
    command = [word.replace(PORT, str(port)) for word in contender.command]
    environment = {name: value.replace(PORT, str(port)) for name, value in contender.environment.items()}
    with log.open("w") as out, cores.pinned(cores.SERVER if contender.workers == 1 else None):
        process = subprocess.Popen(
            command, env=os.environ | environment, stdout=out, stderr=out, start_new_session=True
        )
    server = Server(contender, port, process.pid)
    try:
        _wait_until_it_answers(server, process, log)
        yield server
    finally:
        _end(process)


def family(process_id: int) -> list[int]:
    """Return the ids of a process and its descendants."""
    return [found for found, _ in _family(process_id)]


def resident_mb(process_id: int) -> float:
    """Return the resident memory of a process and its descendants in 10^6 bytes; shared memory counts for each."""
    return sum(memory for _, memory in _family(process_id)) * 1024 / 1e6


def _wait_until_it_answers(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    limit, problem = time.monotonic() + START_LIMIT_SECONDS, "no answer"
    while process.poll() is None and time.monotonic() < limit:
        try:
            status, answer = server.predict()
        except NoAnswer:
            time.sleep(POLL_SECONDS)
            continue
        if status == 200:
            _require_the_model(server.contender, answer)
            return
        problem = f"{status} {answer[:200]}"
        time.sleep(POLL_SECONDS)
    end_of_log = " ".join(log.read_text(errors="replace").split())[-300:]
    raise StartFailed(server=server.contender.name, problem=f"{problem}; its log ends with: {end_of_log or 'nothing'}")


def _require_the_model(contender: Contender, answer: str) -> None:
    numbers = map(float, _NUMBER.findall(answer))
    expected = contender.expected
    if expected is not None and not any(math.isclose(number, expected, abs_tol=1e-4) for number in numbers):
        raise WrongAnswer(server=contender.name, answer=answer, expected=expected)


def _end(process: subprocess.Popen[bytes]) -> None:
    members = family(process.pid)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_LIMIT_SECONDS)
    for found in members:  # children that did not end with their parent
        with suppress(ProcessLookupError):
            os.kill(found, signal.SIGKILL)
    process.wait()


def _family(ancestor: int) -> list[tuple[int, int]]:
    """Return a process and its descendants, each as id and resident memory in KiB."""
    command = ["ps", "-eo", "pid=,ppid=,rss="]
    listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    rows = [tuple(map(int, line.split())) for line in listed.strip().split("\n")]
    family = {ancestor}
    while more := {pid for pid, parent, _ in rows if parent in family} - family:
        family |= more
    return [(pid, memory) for pid, _, memory in rows if pid in family]
