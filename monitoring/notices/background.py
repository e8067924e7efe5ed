"""Sends notices from a thread, so that a slow or silent receiver delays nothing else."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from monitoring import background
from monitoring.errors import CannotTell
from monitoring.notices.sender import Sender

logger = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""Time between two looks; after each run of a job there is one at once."""
RETRY_SECONDS = 1.0
"""Time to the next attempt where the outbox could not be used, as when another process sends."""


def sending(sender: Sender) -> AbstractContextManager[Callable[[], None]]:
    """Look and send until the context closes; it gives a function that asks for a look at once."""
    return background.repeating(Rounds(sender).run, name="notices", pause_seconds=LOOK_SECONDS)


def send_for(sender: Sender, seconds: float) -> None:
    """Look and send until nothing waits, or until there is no time for the next attempt; what waits is sent later."""
    limit = time.monotonic() + seconds
    rounds = Rounds(sender)

    def work() -> None:
        while (pause := rounds.run()) is not None and time.monotonic() + pause < limit:
            time.sleep(pause)

    thread = threading.Thread(target=work, name="notices", daemon=True)
    thread.start()
    thread.join(seconds)


class Rounds:
    """Rounds of looking and sending. What goes wrong is logged once, and never raised."""

    def __init__(self, sender: Sender) -> None:
        self._sender, self._problem = sender, ""

    def run(self) -> float | None:
        """Look and send once; return the seconds until the next attempt, or None if nothing waits."""
        problem = ""
        try:
            return self._sender.seconds_until_due(self._sender.run())
        except CannotTell as error:
            problem = str(error)
            if problem != self._problem:
                logger.error("%s", problem)  # noqa: TRY400  # the sentence names the remedy
        except Exception as error:  # notices must not end the monitor
            problem = repr(error)
            if problem != self._problem:
                logger.exception("notices could not be sent")
        finally:
            self._problem = problem
        return RETRY_SECONDS
