"""The steps of a deployment: start the other colour, test it, switch clients, watch it, stop the previous colour.

On any error, clients are sent to the previous colour again, and the new container is removed.
"""

import getpass
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType

from rollout import checks, compose, deployment_history, proxy, settings
from rollout.compose import Colour
from rollout.deployment_history import Action, Record, Result
from rollout.errors import Interrupted, RolloutError, UsageError
from rollout.settings import Request

logger = logging.getLogger(__name__)
OTHER: dict[Colour, Colour] = {"blue": "green", "green": "blue"}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Time limits of a deployment, and the share of requests that a new colour may fail to answer."""

    ready_seconds: float = 60
    soak_seconds: float = 30
    max_failed_fraction: float = 0.01


@dataclass
class Attempt:
    """A running deployment."""

    image: str
    action: Action
    patience: Limits
    settings: Mapping[str, str] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    model_version: str | None = None
    switched: bool = False

    def end(self, result: Result, reason: str) -> Record:
        """Append the result to the history, and return its record."""
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
        deployment_history.append(record)
        return record


def deploy(image: str, patience: Limits, request: Request) -> Record:
    """Deploy an image, or roll back if it is not fit to serve; return the record.

    Raises:
        SettingsInvalid: a setting of the running colour would be lost.
        CannotTell: a docker command failed, or another deployment is under way.
    """
    return _alone(request, lambda settings: Attempt(image, "deploy", patience, settings))


def roll_back(patience: Limits, request: Request) -> Record:
    """Deploy the image that served before the live one, with the live one's settings and all steps of a deployment.

    Raises:
        UsageError: no other image has been deployed.
        SettingsInvalid: a setting of the running colour would be lost.
        CannotTell: a docker command failed, or another deployment is under way.
    """
    return _alone(request, lambda settings: Attempt(_previous_image(), "rollback", patience, settings))


def _alone(request: Request, begin: Callable[[Mapping[str, str]], Attempt]) -> Record:
    compose.start_proxy(settings.as_variables(request.over(settings.of_host())))
    with deployment_history.alone():
        _finish_what_was_abandoned()
        if proxy.is_outdated():
            logger.warning("nginx runs an older deploy/nginx.conf. See docs/deploy.md to replace it")
        return _try(begin(_settled(request)))


def _settled(request: Request) -> dict[str, str]:
    """Return the settings of the new colour, and log which differ from those of the live one."""
    live, _ = _colours()
    container = compose.find(live) if live else None
    kept = settings.of(container) if container else settings.of_host()
    wanted = request.over(kept)
    for line in settings.changes(kept, wanted):
        logger.info("setting %s", line)
    if same := [name for name in wanted if kept.get(name) == wanted[name]]:
        logger.info("settings as before: %s", ", ".join(same))
    return wanted


def _try(attempt: Attempt) -> Record:
    before, new = _colours()
    try:
        with _signals(_interrupt):
            _introduce(attempt, new, before)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # any error must lead to a rollback
        reason = _tell(error)
        logger.warning("rolling back: %s", reason)
        with _signals(signal.SIG_IGN):  # a rollback must not be interrupted
            _go_back(new, before)
            return attempt.end("rolled back" if attempt.switched else "refused", reason)
    with _signals(signal.SIG_IGN):
        record = attempt.end("deployed", f"{new} is live")
        if before:
            logger.info("stopping %s after its open requests", before)
            compose.stop(before)
        return record


def _introduce(attempt: Attempt, new: Colour, before: Colour | None) -> None:
    """Start and test the new colour, switch clients to it and watch it.

    Raises:
        RolloutError: a step failed; clients may already be sent to the new colour.
    """
    patience = attempt.patience
    logger.info("starting %s as %s", attempt.image, new)
    container = compose.start(new, attempt.image, settings.as_variables(attempt.settings))
    checks.wait_until_ready(container, patience.ready_seconds)
    attempt.model_version = checks.smoke(container, checks.OWN_ADDRESS)
    logger.info("%s predicts with model %s; switching", new, attempt.model_version)
    attempt.switched = True
    proxy.switch(new, soaking=before is not None)
    checks.smoke(container, proxy.INSIDE, attempt.model_version)
    logger.info("watching it answer clients for %g s", patience.soak_seconds)
    checks.watch(container, seconds=patience.soak_seconds, max_failed_fraction=patience.max_failed_fraction)
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
    """Return the live colour, or None if nothing serves, and the colour for the new image."""
    named = proxy.route().live
    return (named, OTHER[named]) if compose.find(named) else (None, named)


def _finish_what_was_abandoned() -> None:
    """Roll back from a colour whose deployment was killed while it soaked, since its test was not finished."""
    route = proxy.route()
    if not route.soaking:
        return
    unproven, before = route.live, OTHER[route.live]
    container = compose.find(unproven)
    standing_in = compose.find(before)
    if standing_in is None or not standing_in.running:
        proxy.switch(unproven, soaking=False)
        return
    logger.warning("an earlier deployment was killed while %s soaked: rolling back to %s", unproven, before)
    _go_back(unproven, before)
    if container:
        abandoned = Attempt(container.image, "deploy", Limits())
        abandoned.end("abandoned", "its deployment was killed while it soaked; what was live before is live again")


def _previous_image() -> str:
    before, _ = _colours()
    live = compose.find(before) if before else None
    served = [record.image for record in deployment_history.read() if record.result == "deployed"]
    others = [image for image in served if live is None or image != live.image]
    if not others:
        raise UsageError("no other image has been deployed here. Deploy one by digest: deploy.py IMAGE.")
    return others[-1]


@contextmanager
def _signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    """Set another handler for SIGINT, SIGTERM and SIGHUP until the block ends."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, handler) for number in numbers]
    try:
        yield
    finally:
        for number, earlier in zip(numbers, before, strict=True):
            signal.signal(number, earlier)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
