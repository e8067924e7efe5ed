"""The steps of a deployment: start the other colour, test it, switch clients, watch it, stop the previous colour.

On any error, clients are sent to the previous colour again, and the new container is removed.
"""

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rollout import attempts, checks, compose, deployment_history, lock, monitor, proxy, settings
from rollout.attempts import Attempt, Limits
from rollout.compose import Colour
from rollout.deployment_history import Record
from rollout.errors import Interrupted, MonitorLeft, RolloutError, UsageError
from rollout.lock import Hold, Holder
from rollout.settings import Request

logger = logging.getLogger(__name__)
OTHER: dict[Colour, Colour] = {"blue": "green", "green": "blue"}


def deploy(image: str, jobs: str | None, patience: Limits, request: Request) -> Record:
    """Deploy an image, or roll back if it is not fit to serve; return the record.

    The monitor moves to the image `jobs`.

    Raises:
        MonitorLeft: the image serves, but the monitor does not judge its model.
        SettingsInvalid: a setting of the running colour would be lost.
        CannotTell: a docker command failed, or another deployment is under way.
    """
    holder = Holder(by=attempts.user(), action="deploy", image=image, at=attempts.now())
    with _alone(holder, request) as hold:
        return _try(Attempt(image, "deploy", patience, _settled(request), jobs, at=holder.at), hold)


def roll_back(patience: Limits, request: Request) -> Record:
    """Deploy the image that served before the live one, with the live one's settings and all steps of a deployment.

    The monitor moves to the image of the jobs of that time. It interrupts a deployment. If clients were at its image
    already, they are back where they were, and that is all.

    Raises:
        MonitorLeft: the image serves, but the monitor does not judge its model.
        UsageError: no other image has been deployed.
        SettingsInvalid: a setting of the running colour would be lost.
        CannotTell: a docker command failed, or another deployment does not end.
    """
    holder = Holder(by=attempts.user(), action="rollback", image="the image before", at=attempts.now())
    with _alone(holder, request) as hold:
        if undone := _undone(hold):
            return undone
        to = _previous()
        return _try(Attempt(to.image, "rollback", patience, _settled(request), to.jobs_image, at=holder.at), hold)


@contextmanager
def _alone(holder: Holder, request: Request) -> Iterator[Hold]:
    wanted = request.over(settings.of_host())
    settings.check_network(wanted)
    compose.start_proxy(settings.as_variables(wanted))
    with lock.alone(holder) as hold:
        _finish_what_was_abandoned()
        if proxy.is_outdated():
            logger.warning("nginx runs an older deploy/nginx.conf. See docs/deploy.md to replace it")
        yield hold


def _undone(hold: Hold) -> Record | None:
    """Return the record of a rollback that is done, because it interrupted a deployment that had switched clients."""
    stopped, records = hold.interrupted, deployment_history.read()
    if not stopped or not records or (records[-1].at, records[-1].result) != (stopped.at, "rolled back"):
        return None
    live, _ = _colours()
    container = compose.find(live) if live else None
    if not container:
        return None
    attempt = Attempt(container.image, "rollback", Limits(), at=hold.holder.at)
    for record in records:
        if record.image == container.image and record.result == "deployed":
            attempt.model_version, attempt.jobs = record.model_version, record.jobs_image
    return attempt.end("deployed", f"{live} is live again: {stopped} was interrupted")


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


def _try(attempt: Attempt, hold: Hold) -> Record:
    before, new = _colours()
    try:
        with _signals(_interrupt):
            hold.arm(armed=attempt.action == "deploy")
            _introduce(attempt, new, before)
            hold.arm(armed=False)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # any error must lead to a rollback
        reason = _tell(error, hold)
        logger.warning("rolling back: %s", reason)
        with _signals(signal.SIG_IGN):  # a rollback must not be interrupted
            _go_back(new, before)
            return attempt.end("rolled back" if attempt.switched else "refused", reason)
    with _signals(signal.SIG_IGN):
        record = attempt.end("deployed", f"{new} is live")
        if before:
            logger.info("stopping %s after its open requests", before)
            compose.stop(before)
        _move_monitor(attempt, record, hold)
        return record


def _move_monitor(attempt: Attempt, record: Record, hold: Hold) -> None:
    """Move the monitor; an interruption leaves it, so that a rollback need not wait for it.

    Raises:
        MonitorLeft: it does not judge the model that serves.
    """
    if attempt.settings.get("DEPLOY_MONITOR") == "false":
        return
    try:
        with _signals(_interrupt):
            hold.arm(armed=attempt.action == "deploy")
            problem = monitor.follow(attempt.jobs, attempt.model_version, settings.as_variables(attempt.settings))
            hold.arm(armed=False)
    except KeyboardInterrupt:
        problem = f"the monitor was not moved: {Interrupted(hold.interrupted_by)}"
    finally:
        hold.arm(armed=False)
    if problem:
        raise MonitorLeft(record, problem)


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
    if attempt.jobs and attempt.action == "deploy" and attempt.settings.get("DEPLOY_MONITOR") != "false":
        monitor.check(attempt.jobs, attempt.model_version)
    logger.info("%s predicts with model %s; switching", new, attempt.model_version)
    attempt.switched = True
    proxy.switch(new, soaking=before is not None)
    checks.smoke(container, proxy.INSIDE, attempt.model_version)
    logger.info("watching it answer clients for %g s", patience.soak_seconds)
    checks.watch(container, seconds=patience.soak_seconds, max_failed_fraction=patience.max_failed_fraction)
    proxy.switch(new, soaking=False)


def _tell(error: BaseException, hold: Hold) -> str:
    if isinstance(error, KeyboardInterrupt):
        return str(Interrupted(hold.interrupted_by))
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


def _previous() -> Record:
    before, _ = _colours()
    live = compose.find(before) if before else None
    served = [record for record in deployment_history.read() if record.result == "deployed"]
    others = [record for record in served if live is None or record.image != live.image]
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
