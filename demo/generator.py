"""`python -m demo.generator`: sends customers to a running service at a steady rate until interrupted.

Calm and shifted customers alternate, and their outcomes are reported later. The customers are synthetic, or from a
table.
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

from pydantic import Field

from demo import sources
from demo.client import Client, Refused, read_key
from demo.populations import Customer, Population
from demo.settings import DemoSettings
from models import command_line, plain_text
from models.errors import ModelsError
from training.errors import TrainingError

logger = logging.getLogger("demo")
REPORT_SECONDS = 5
"""Outcomes are collected for so long and then sent together."""
RETRY_SECONDS = 1


class Settings(DemoSettings):
    """Send customers to a running service, and report their outcomes later."""

    url: str = "http://127.0.0.1:8000"
    """Address of the service."""
    key_file: Path | None = None
    """File with the API key, such as first.key; a service on this machine needs none."""
    customers_per_second: float = Field(default=10, gt=0)
    """Customers sent per second."""
    calm_seconds: int = Field(default=240, ge=1)
    """How long calm customers are sent, which are like the training data."""
    shifted_seconds: int = Field(default=360, ge=1)
    """How long shifted customers are sent after that, which churn for other reasons; then calm ones follow again."""
    outcome_delay_seconds: float = Field(default=60, ge=0)
    """Time from a prediction to its outcome."""
    models_dir: Path = Path("models")
    """Folder of the pinned model; for customers of a table, its most important features are shifted."""


class Outcomes:
    """Queue of outcomes that are reported after a delay."""

    def __init__(self, delay_seconds: float) -> None:
        self._delay_seconds = delay_seconds
        self._waiting: deque[tuple[float, str, bool]] = deque()

    def add(self, prediction_id: str, *, churned: bool) -> None:
        """Add the outcome of a prediction."""
        self._waiting.append((time.monotonic() + self._delay_seconds, prediction_id, churned))

    def take(self) -> dict[str, bool]:
        """Return and remove the due outcomes, by prediction id; none until the first is REPORT_SECONDS overdue."""
        now, taken = time.monotonic(), {}
        if self._waiting and self._waiting[0][0] + REPORT_SECONDS <= now:
            while self._waiting and self._waiting[0][0] <= now:
                _, prediction_id, churned = self._waiting.popleft()
                taken[prediction_id] = churned
        return taken


def send(settings: Settings, customers: Iterable[Customer], key: str) -> None:
    """Send customers and outcomes; those that fall into an outage of the service are lost."""
    outcomes, due = Outcomes(settings.outcome_delay_seconds), time.monotonic()
    with closing(Client(settings.url, key)) as client:
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


def draw(settings: Settings, calm: Population, shifted: Population) -> Iterator[Customer]:
    """Yield customers, alternately from the calm and from the shifted population."""
    for turn in count():
        for world, seconds in ((calm, settings.calm_seconds), (shifted, settings.shifted_seconds)):
            logger.info("%s customers for %d s", world.name, seconds)
            yield from world.customers(round(seconds * settings.customers_per_second), seed=turn)


def main(settings: Settings) -> int:
    """Send until interrupted; return 2 if there are no customers to send, or no key."""
    try:
        key = read_key(settings.key_file)
    except (OSError, ValueError) as error:  # ValueError: no text
        logger.error("%s. Name the file of a key with --key-file", error)  # noqa: TRY400  # a traceback would hide the remedy
        return 2
    try:
        calm, shifted = sources.worlds(settings.data, settings.columns, models_dir=settings.models_dir)
    except (TrainingError, ModelsError) as error:
        logger.error("%s", error)  # noqa: TRY400  # as above
        return 2
    send(settings, draw(settings, calm, shifted), key)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    plain_text.log_to_terminal()
    sys.exit(main(command_line.read(Settings, sys.argv[1:], program="python -m demo.generator")))
