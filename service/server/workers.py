"""Runs several worker processes that answer on one port."""

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from uvicorn.supervisors import Multiprocess

from service.metrics import registry


class Workers(Multiprocess):
    """Starts, watches and replaces workers as Uvicorn does, but passes SIGHUP on to them instead of restarting them."""

    def handle_hup(self) -> None:
        """Make every worker check for a new model."""
        for worker in self.processes:
            if worker.pid is not None and worker.process.is_alive():
                os.kill(worker.pid, signal.SIGHUP)

    def keep_subprocess_alive(self) -> None:
        """Replace workers that ended, and drop their gauges."""
        before = {worker.pid for worker in self.processes}
        super().keep_subprocess_alive()
        for process_id in before - {worker.pid for worker in self.processes}:
            if process_id is not None:
                registry.forget_worker(process_id)


def run(config: uvicorn.Config, sockets: list[socket.socket]) -> None:
    """Serve with the configured number of workers until a signal stops them."""
    with _shared_metrics():
        Workers(config, sockets).run()


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """Set the shared metrics folder in the environment, which the workers inherit."""
    with tempfile.TemporaryDirectory(prefix="metrics-") as folder:
        os.environ[registry.SHARED_FOLDER] = folder
        yield
