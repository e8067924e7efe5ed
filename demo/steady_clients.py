"""Customers who never stop asking: a few clients, each with its own connection, and every answer and failure counted.

What became of a customer is reported a moment later. Which world they come from can change at any time.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import count, islice

from demo.client import Client, Refused
from demo.populations import Population

CLIENTS, PAUSE_SECONDS = 4, 0.03
REPORT_AFTER = 100
"""Predictions of a client, between two reports of what became of its customers."""
_DRAWN = 500


@dataclass
class SteadyClients:
    """What the clients do, and what they saw."""

    url: str
    world: Population
    answers: Counter[str] = field(default_factory=Counter)
    """Predictions by version of the model."""
    failures: list[str] = field(default_factory=list)
    """Requests for a prediction that had another answer, or none."""
    reported: int = 0
    """Outcomes that were taken."""
    unreported: int = 0
    """Outcomes that were not."""
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def asked(self) -> int:
        """Requests for a prediction so far."""
        return self.answers.total() + len(self.failures)

    def wait(self, seconds: float) -> None:
        """Let them ask for a while."""
        time.sleep(seconds)

    def ask(self, client: Client, seed: int) -> None:
        """Ask without end, as one client."""
        known: dict[str, bool] = {}
        for turn in count():
            world = self.world
            for customer in world.customers(_DRAWN, seed=seed + CLIENTS * turn):
                if self.ended.wait(PAUSE_SECONDS):
                    return
                try:
                    answer = client.predict(customer.features)
                    version, name = answer["model_version"], answer["prediction_id"]
                except Exception as error:  # noqa: BLE001  # whatever is no prediction is a failure, and ends no client
                    self.failures.append(repr(error))
                    continue
                self.answers[version] += 1
                known[name] = customer.churned
                if len(known) >= REPORT_AFTER:
                    known = self._report(client, known)
                if self.world is not world:
                    break

    def _report(self, client: Client, known: dict[str, bool]) -> dict[str, bool]:
        """Report the earlier half, and return the others, which may still be on their way to the log."""
        early = dict(islice(known.items(), len(known) // 2))
        try:
            client.report(early, patience_seconds=5)
            self.reported += len(early)
        except (OSError, HTTPException, Refused):
            self.unreported += len(early)
        return {name: left for name, left in known.items() if name not in early}


@contextmanager
def asking(url: str, world: Population) -> Iterator[SteadyClients]:
    """Let clients ask until the block ends."""
    steady = SteadyClients(url, world)

    def ask(seed: int) -> None:
        with closing(Client(url)) as client:
            steady.ask(client, seed)

    threads = [threading.Thread(target=ask, args=(seed,), daemon=True) for seed in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield steady
    finally:
        steady.ended.set()
        for thread in threads:
            thread.join()
