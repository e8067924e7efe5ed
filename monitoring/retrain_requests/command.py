"""Requests retrainings: by a command, after a run of a job, and while the monitor runs."""

import logging
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from pydantic import ValidationError

from models import durations, plain_text
from monitoring import background
from monitoring.errors import CANNOT_TELL, CannotTell
from monitoring.retrain_requests.errors import RetrainUnusable
from monitoring.retrain_requests.github import Repository
from monitoring.retrain_requests.requester import Requester
from monitoring.retrain_requests.settings import RetrainSettings
from monitoring.settings import JobSettings

logger = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
"""Time between two looks, in which a decision is noticed; after each run of a job there is one at once."""
SILENT = {"MONITORING_RETRAIN_REPOSITORY": ""}
"""Variable with which a run requests nothing."""


def run_request(settings: RetrainSettings) -> int:
    """Request what is due, and print what came of it; return 0, or 2 if a request failed."""
    if not (requester := _requester(settings)):
        logger.error("there is no repository to ask. Set MONITORING_RETRAIN_REPOSITORY, as owner/name")
        return CANNOT_TELL
    try:
        done = requester.look()
    except CannotTell as error:
        logger.error("%s", error)  # noqa: TRY400  # the sentence names the remedy
        return CANNOT_TELL
    sys.stdout.write(plain_text.printable("\n".join(done) or "no retraining is due") + "\n")
    return 0


def after_run(settings: JobSettings) -> None:
    """Request what follows from a single run; errors are logged, so that they do not change its exit code."""
    try:
        requester = find_requester(settings.output_dir)
    except CannotTell as error:
        logger.error("%s", error)  # noqa: TRY400  # as above
        return
    if requester:
        Looks(requester)()


def requesting(requester: Requester | None) -> AbstractContextManager[Callable[[], None]]:
    """Request until the context closes; it gives a function that asks for a look at once."""
    if requester is None:
        return nullcontext(_do_nothing)
    return background.repeating(Looks(requester), name="retrain requests", pause_seconds=LOOK_SECONDS)


def find_requester(output_dir: Path) -> Requester | None:
    """Return the requester that the environment sets up; None without MONITORING_RETRAIN_REPOSITORY.

    Raises:
        RetrainUnusable: settings are not valid.
    """
    try:
        return _requester(RetrainSettings(output_dir=output_dir))
    except ValidationError as error:
        problems = {str(problem["loc"][0]): problem["msg"] for problem in error.errors(include_url=False)}
        raise RetrainUnusable(problems=problems) from None


class Looks:
    """Looks at the runs again and again. What goes wrong is logged once, and never raised."""

    def __init__(self, requester: Requester) -> None:
        self._requester, self._problem = requester, ""

    def __call__(self) -> None:
        """Look once."""
        problem = ""
        try:
            self._requester.look()
        except CannotTell as error:
            problem = str(error)
            if problem != self._problem:
                logger.error("%s", problem)  # noqa: TRY400  # the sentence names the remedy
        except Exception as error:  # a request must not end the monitor
            problem = repr(error)
            if problem != self._problem:
                logger.exception("a retraining could not be requested")
        self._problem = problem


def _requester(settings: RetrainSettings) -> Requester | None:
    if not settings.retrain_repository or settings.retrain_token_file is None:
        return None
    repository = Repository(settings.retrain_repository, settings.retrain_api_url, settings.retrain_token_file)
    return Requester(repository, settings, durations.parse(settings.retrain_pause))


def _do_nothing() -> None:
    pass
