"""The lock of the host, which allows one deployment at a time; a rollback interrupts a deployment that holds it.

It is in the proxy's volume, so all machines that deploy to this host share it. The holder's process on the host watches
the file `interrupt` there, because the holder itself may be waiting for docker.
"""

import json
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import terminal

from rollout import compose, proxy
from rollout.errors import DeploymentRunning, DockerFailed

logger = logging.getLogger(__name__)
HELD_BY_ANOTHER = 75
PAUSE_SECONDS = 1.0
ROLLBACK_PATIENCE_SECONDS = 120
"""How long a rollback waits; an interrupted deployment needs a few seconds to send clients back."""
COMMAND = [*compose.COMPOSE, "exec", "-T", "--user", "root"]
TAKE = f'flock --nonblock --conflict-exit-code {HELD_BY_ANOTHER} /state/lock bash -c "$HOLD" hold "$HOLDER"'
HOLD = """cd /state; rm -f interrupt; printf %s "$1" > holder.json; echo held
while read -r -t 1; (($? > 128)); do [[ ! -s interrupt ]] || { cat interrupt; echo; rm interrupt; }; done"""
"""Ends at the end of its input, and so with the program that holds the lock."""


@dataclass(frozen=True)
class Holder:
    """Who holds the lock, or asks for it."""

    by: str
    action: str
    image: str
    at: str
    """Start time, UTC."""

    def __str__(self) -> str:
        return f"the {self.action} of {self.image} by {self.by}, which began at {self.at}"


class Hold:
    """The lock while it is held, and whether a rollback has interrupted this deployment."""

    def __init__(self, holder: Holder, interrupted: Holder | None) -> None:
        self.holder = holder
        self.interrupted = interrupted
        """The deployment that this rollback interrupted."""
        self.interrupted_by: str | None = None
        self._armed, self._mutex = False, threading.Lock()

    def arm(self, *, armed: bool) -> None:
        """Let an interruption end what the main thread does, as Ctrl-C does, or only note it."""
        with self._mutex:
            self._armed = armed
            if armed and self.interrupted_by:
                raise KeyboardInterrupt

    def receive(self, by: str) -> None:
        """Note who interrupts; called by another thread."""
        with self._mutex:
            if self.interrupted_by is None:
                self.interrupted_by = by
                if self._armed:
                    os.kill(os.getpid(), signal.SIGINT)


@contextmanager
def alone(holder: Holder) -> Iterator[Hold]:
    """Hold the host's lock until the block or this program ends; it excludes deployments from all machines.

    A rollback interrupts the deployment that holds it, and waits until that has gone back.

    Raises:
        DeploymentRunning: another holds the lock; a rollback, after it waited.
        DockerFailed: the lock cannot be taken.
    """
    with _taken(holder) as (process, interrupted):
        hold = Hold(holder, interrupted)
        listener = threading.Thread(target=_listen, args=(process, hold), daemon=True)
        listener.start()
        try:
            yield hold
        finally:  # the end of its input ends the process, and that ends the thread
            if process.stdin:
                process.stdin.close()
            listener.join()


@contextmanager
def _taken(holder: Holder) -> "Iterator[tuple[subprocess.Popen[bytes], Holder | None]]":
    limit = time.monotonic() + ROLLBACK_PATIENCE_SECONDS
    waited_for: Holder | None = None
    interrupted: Holder | None = None
    while True:
        with _attempt(holder) as process:
            if process.stdout and process.stdout.readline() == b"held\n":
                yield process, interrupted
                return
            if process.wait() != HELD_BY_ANOTHER:
                raise DockerFailed(command=COMMAND, output="the lock of the host cannot be taken")
        other = current()
        if holder.action != "rollback" or time.monotonic() > limit:
            raise DeploymentRunning(other)
        if other != waited_for:
            logger.warning("waiting for %s", other or "another deployment")
            waited_for = other
            if other and other.action == "deploy":
                interrupted = other
                proxy.in_volume("cat > interrupt.new; mv interrupt.new interrupt", given=holder.by)
        time.sleep(PAUSE_SECONDS)


def _attempt(holder: Holder) -> "subprocess.Popen[bytes]":
    variables = ("--env", f"HOLD={HOLD}", "--env", f"HOLDER={json.dumps(asdict(holder))}")
    return subprocess.Popen(
        [*COMMAND, *variables, "proxy", "sh", "-c", TAKE],
        env=compose.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C must not end it: the rollback still needs the lock
    )


def current() -> Holder | None:
    """Return who holds the lock, or held it last; None if that cannot be read."""
    text = proxy.in_volume("cat holder.json 2>/dev/null || true")
    try:
        return Holder(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _listen(process: "subprocess.Popen[bytes]", hold: Hold) -> None:
    for line in process.stdout or ():
        hold.receive(terminal.printable(line.decode(errors="replace").strip()))
