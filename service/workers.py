"""Several processes that answer on one port."""

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from uvicorn.supervisors import Multiprocess

from service import metrics


class Workers(Multiprocess):
    """Starts, watches and replaces workers as Uvicorn does, and passes SIGHUP on, where Uvicorn would restart them."""

    def handle_hup(self) -> None:
        """Have every worker look for a new model."""
        for worker in self.processes:
            if worker.pid is not None and worker.process.is_alive():
                os.kill(worker.pid, signal.SIGHUP)

    def keep_subprocess_alive(self) -> None:
        """Replace workers that ended, and drop what they said of themselves."""
        before = {worker.pid for worker in self.processes}
        super().keep_subprocess_alive()
        for process_id in before - {worker.pid for worker in self.processes}:
            if process_id is not None:
                metrics.forget_worker(process_id)


def run(config: uvicorn.Config, sockets: list[socket.socket]) -> None:
    """Serve with as many workers as the configuration says, until told to stop."""
    with _shared_metrics():
        Workers(config, sockets).run()


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """Let the workers, who inherit the environment, count in files of one folder."""
    with tempfile.TemporaryDirectory(prefix="metrics-") as folder:
        os.environ[metrics.SHARED_FOLDER] = folder
        yield
