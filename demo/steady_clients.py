"""A few clients that request predictions without pause, each over its own connection, and count answers and failures.

Outcomes are reported a little later. The population of the customers can be changed at any time.
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
"""Number of unreported predictions at which a client reports outcomes."""
REPORT_PATIENCE_SECONDS = 60
"""How long a client asks again for a prediction that is not in the log yet."""
_DRAWN = 500


@dataclass
class SteadyClients:
    """The clients, and the counts of their answers."""

    url: str
    world: Population
    answers: Counter[str] = field(default_factory=Counter)
    """Model version to number of predictions."""
    failures: list[str] = field(default_factory=list)
    """Errors of the requests that returned no prediction."""
    reported: int = 0
    """Number of outcomes that the service recorded."""
    unreported: int = 0
    """Number of outcomes that it refused."""
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def asked(self) -> int:
        """Number of prediction requests so far."""
        return self.answers.total() + len(self.failures)

    def wait(self, seconds: float) -> None:
        """Wait while the clients continue."""
        time.sleep(seconds)

    def ask(self, client: Client, seed: int) -> None:
        """Request predictions as one client, until `ended` is set."""
        known: dict[str, bool] = {}
        for turn in count():
            world = self.world
            for customer in world.customers(_DRAWN, seed=seed + CLIENTS * turn):
                if self.ended.wait(PAUSE_SECONDS):
                    return
                try:
                    answer = client.predict(customer.features)
                    version, name = answer["model_version"], answer["prediction_id"]
                except Exception as error:  # noqa: BLE001  # any error is counted, and the client continues
                    self.failures.append(repr(error))
                    continue
                self.answers[version] += 1
                known[name] = customer.churned
                if len(known) >= REPORT_AFTER:
                    known = self._report(client, known)
                if self.world is not world:
                    break

    def _report(self, client: Client, known: dict[str, bool]) -> dict[str, bool]:
        """Report the older half of the outcomes, and return the rest, whose predictions may not be in the log yet."""
        early = dict(islice(known.items(), len(known) // 2))
        try:
            client.report(early, patience_seconds=REPORT_PATIENCE_SECONDS)
            self.reported += len(early)
        except (OSError, HTTPException, Refused):
            self.unreported += len(early)
        return {name: left for name, left in known.items() if name not in early}


@contextmanager
def asking(url: str, world: Population, key: str = "") -> Iterator[SteadyClients]:
    """Run the clients, who share an API key, until the block ends."""
    steady = SteadyClients(url, world)

    def ask(seed: int) -> None:
        with closing(Client(url, key)) as client:
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
