"""A deployment from beginning to end: start the other colour, try it, switch, watch, stop the one before.

Whatever fails on the way, clients are sent where they were before, and the new colour goes.
"""

import getpass
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType

from rollout import compose, journal, proxy, trial
from rollout.compose import Colour
from rollout.errors import Interrupted, Misused, RolloutError
from rollout.journal import Action, Record, Result

logger = logging.getLogger(__name__)
OTHER: dict[Colour, Colour] = {"blue": "green", "green": "blue"}


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a new colour is waited for and looked at, and what it may fail to answer meanwhile."""

    ready_seconds: float = 60
    soak_seconds: float = 30
    max_failed_fraction: float = 0.01


@dataclass
class Attempt:
    """One deployment under way."""

    image: str
    action: Action
    patience: Patience
    began: float = field(default_factory=time.monotonic)
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    model_version: str | None = None
    switched: bool = False

    def end(self, result: Result, reason: str) -> Record:
        """Keep how it ended."""
        record = Record(
            at=self.at,
            by=os.environ.get("GITHUB_ACTOR") or getpass.getuser(),
            action=self.action,
            image=self.image,
            model_version=self.model_version,
            result=result,
            reason=reason,
            seconds=round(time.monotonic() - self.began, 1),
        )
        journal.append(record)
        return record


def deploy(image: str, patience: Patience) -> Record:
    """Make an image the one that serves, unless it turns out unfit; returns how it ended.

    Raises:
        CannotTell: the engine does not do what it is told, or another deployment is under way.
    """
    return _alone(lambda: Attempt(image, "deploy", patience))


def roll_back(patience: Patience) -> Record:
    """Deploy the image that served before the live one, with all that a deployment is.

    Raises:
        Misused: there was none.
        CannotTell: as for a deployment.
    """
    return _alone(lambda: Attempt(_previous_image(), "rollback", patience))


def _alone(begin: Callable[[], Attempt]) -> Record:
    compose.start_proxy()
    with journal.alone():
        _finish_what_was_abandoned()
        if proxy.is_outdated():
            logger.warning("nginx runs an older deploy/nginx.conf; docs/deploy.md says how to replace it")
        return _try(begin())


def _try(attempt: Attempt) -> Record:
    before, new = _colours()
    try:
        with _signals(_interrupt):
            _introduce(attempt, new, before)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # whatever it is, clients are better off before it
        reason = _tell(error)
        logger.warning("going back: %s", reason)
        with _signals(signal.SIG_IGN):  # going back is not to be interrupted
            _go_back(new, before)
            return attempt.end("rolled back" if attempt.switched else "refused", reason)
    with _signals(signal.SIG_IGN):
        record = attempt.end("deployed", f"{new} is live")
        if before:
            logger.info("stopping %s, when it has answered what it began", before)
            compose.stop(before)
        return record


def _introduce(attempt: Attempt, new: Colour, before: Colour | None) -> None:
    """Do all that may fail.

    Raises:
        RolloutError: something did; clients may be sent to the new colour already.
    """
    patience = attempt.patience
    logger.info("starting %s as %s", attempt.image, new)
    container = compose.start(new, attempt.image)
    trial.wait_until_ready(container, patience.ready_seconds)
    attempt.model_version = trial.smoke(container, trial.OWN_ADDRESS)
    logger.info("%s predicts with model %s; switching", new, attempt.model_version)
    attempt.switched = True
    proxy.switch(new, soaking=before is not None)
    trial.smoke(container, proxy.INSIDE, attempt.model_version)
    logger.info("watching it answer clients for %g s", patience.soak_seconds)
    trial.watch(container, seconds=patience.soak_seconds, max_failed_fraction=patience.max_failed_fraction)
    proxy.switch(new, soaking=False)


def _tell(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return str(Interrupted())
    return str(error) if isinstance(error, RolloutError) else f"unexpected {type(error).__name__}: {error}"


def _go_back(new: Colour, before: Colour | None) -> None:
    if before:
        proxy.switch(before, soaking=False)
    compose.remove(new)


def _colours() -> tuple[Colour | None, Colour]:
    """Return the colour that is live, if any is, and the one for the new image."""
    named = proxy.route().live
    return (named, OTHER[named]) if compose.find(named) else (None, named)


def _finish_what_was_abandoned() -> None:
    """Go back from a colour whose deployment was killed while it soaked: nobody knows whether it is fit."""
    route = proxy.route()
    if not route.soaking:
        return
    unproven, before = route.live, OTHER[route.live]
    container = compose.find(unproven)
    standing_in = compose.find(before)
    if standing_in is None or not standing_in.running:
        proxy.switch(unproven, soaking=False)
        return
    logger.warning("an earlier deployment was killed while %s soaked: going back to %s", unproven, before)
    _go_back(unproven, before)
    if container:
        abandoned = Attempt(container.image, "deploy", Patience())
        abandoned.end("abandoned", "its deployment was killed while it soaked; what was live before is live again")


def _previous_image() -> str:
    before, _ = _colours()
    live = compose.find(before) if before else None
    served = [record.image for record in journal.read() if record.result == "deployed"]
    others = [image for image in served if live is None or image != live.image]
    if not others:
        raise Misused("no other image has been deployed here. Name one: deploy.py IMAGE.")
    return others[-1]


@contextmanager
def _signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    """Treat the signals that end a program otherwise, until the block ends."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, handler) for number in numbers]
    try:
        yield
    finally:
        for number, earlier in zip(numbers, before, strict=True):
            signal.signal(number, earlier)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
