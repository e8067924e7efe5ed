"""`python -m demo.generator`: customers for a running service, a steady few a second, without end.

First come calm ones, then shifted ones, and so on by turns; what became of each is reported a while later. They are
synthetic, or those of a table. Knows nothing of who watches.
"""

import logging
import signal
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from http.client import HTTPException
from itertools import count
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import CliApp, SettingsConfigDict

from demo import sources
from demo.client import Client, Refused
from demo.settings import DemoSettings
from demo.worlds import Customer, World
from models.errors import ModelsError
from training.errors import TrainingError

logger = logging.getLogger("demo")
REPORT_SECONDS = 5
"""Outcomes are sent together this often."""
RETRY_SECONDS = 1


class Settings(DemoSettings):
    """Send customers to a running service, and later what became of them."""

    model_config = SettingsConfigDict(cli_prog_name="python -m demo.generator")

    url: str = "http://127.0.0.1:8000"
    """Address of the service."""
    customers_per_second: float = Field(default=10, gt=0)
    """How many are sent."""
    calm_seconds: int = Field(default=240, ge=1)
    """How long customers are like those that the model learned from."""
    shifted_seconds: int = Field(default=360, ge=1)
    """How long they are not, and leave for other reasons; then all begins anew."""
    outcome_delay_seconds: float = Field(default=60, ge=0)
    """Time from a prediction to its outcome."""
    models_dir: Path = Path("models")
    """Folder of the pinned model; what it rests on most is what shifts in a table."""


class Outcomes:
    """What will be known of customers, and is to be reported then."""

    def __init__(self, delay_seconds: float) -> None:
        self._delay_seconds = delay_seconds
        self._waiting: deque[tuple[float, str, bool]] = deque()

    def add(self, prediction_id: str, *, churned: bool) -> None:
        """Keep one until its time comes."""
        self._waiting.append((time.monotonic() + self._delay_seconds, prediction_id, churned))

    def take(self) -> dict[str, bool]:
        """Return those whose time has come, by id; none as long as the first of them may wait for others."""
        now, taken = time.monotonic(), {}
        if self._waiting and self._waiting[0][0] + REPORT_SECONDS <= now:
            while self._waiting and self._waiting[0][0] <= now:
                _, prediction_id, churned = self._waiting.popleft()
                taken[prediction_id] = churned
        return taken


def send(settings: Settings, customers: Iterable[Customer]) -> None:
    """Send customers and outcomes; a service that is away misses those of that time."""
    outcomes, due = Outcomes(settings.outcome_delay_seconds), time.monotonic()
    with closing(Client(settings.url)) as client:
        for customer in customers:
            due = max(due + 1 / settings.customers_per_second, time.monotonic())
            try:
                outcomes.add(client.predict(customer.features)["prediction_id"], churned=customer.churned)
                if known := outcomes.take():
                    client.report(known)
            except (OSError, HTTPException, Refused) as error:
                logger.warning("%s: %s", settings.url, error)
                time.sleep(RETRY_SECONDS)
            time.sleep(max(0, due - time.monotonic()))


def draw(settings: Settings, calm: World, shifted: World) -> Iterator[Customer]:
    """Draw customers, of one world for a while, then of the other."""
    for turn in count():
        for world, seconds in ((calm, settings.calm_seconds), (shifted, settings.shifted_seconds)):
            logger.info("%s customers for %d s", world.name, seconds)
            yield from world.customers(round(seconds * settings.customers_per_second), seed=turn)


def main(settings: Settings) -> int:
    """Send until interrupted; returns 2 if there is nobody to send."""
    try:
        calm, shifted = sources.worlds(settings.data, settings.columns, models_dir=settings.models_dir)
    except (TrainingError, ModelsError) as error:
        logger.error("%s", error)  # noqa: TRY400  # the sentence names the remedy; a traceback would bury it
        return 2
    send(settings, draw(settings, calm, shifted))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
    try:
        wanted = CliApp.run(Settings)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            logger.error("--%s: %s", str(problem["loc"][0]).replace("_", "-"), problem["msg"])  # noqa: TRY400  # as above
        sys.exit(2)
    sys.exit(main(wanted))
