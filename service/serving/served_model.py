"""Holds the served champion and challenger, and the reasons why pinned models were refused.

A new model is verified and predicts some customers before it replaces the old one, in one assignment: a running request
finishes with the models that it began with. Champion and challenger are refused independently.
"""

import errno
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from models.bundles import pins
from models.bundles.pins import Pin
from models.errors import BundleError
from service import audit
from service.errors import ModelUnavailable
from service.metrics.metrics import Metrics
from service.model import predictor
from service.model.model_router import Challenger, ModelRouter
from service.model.predictor import Predictor

logger = logging.getLogger(__name__)

Role = Literal["champion", "challenger"]
CHAMPION, CHALLENGER = (frozenset[Role]({role}) for role in get_args(Role))
ROLES = CHAMPION | CHALLENGER
_OF_MACHINE = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EACCES, errno.EPERM, errno.ESTALE, errno.EAGAIN}
    | {errno.ETIMEDOUT, errno.EINTR, errno.EBUSY, errno.ENOBUFS, errno.ENODEV, errno.ENOTCONN, errno.EHOSTDOWN}
)
"""Errors of a machine, of its disk or of a network's, which may go away."""


class ServedModel:
    """Holds one champion and an optional challenger."""

    def __init__(self, models_dir: Path, metrics: Metrics) -> None:
        self._models_dir, self._metrics = models_dir, metrics
        self.router: ModelRouter | None = None
        """None until a champion is loaded."""
        self.problem: str | None = None
        """Why the pinned model was refused, and the remedy; None if it is served."""
        self.challenger_problem: str | None = None
        """Why the pinned challenger was refused, and the remedy; None if it is served, or if there is none."""
        self.to_retry: frozenset[Role] = frozenset()
        """Models that were refused for a reason of this machine, such as too many open files."""

    def require(self) -> ModelRouter:
        """Return the served models.

        Raises:
            ModelUnavailable: no model is loaded.
        """
        if self.router is None:
            raise ModelUnavailable(reason=self.problem or "No model is loaded yet.")
        return self.router

    def serve(self, champion: Predictor, challenger: Challenger | None = None) -> None:
        """Serve a champion, and a challenger if there is one."""
        before = self.router.champion.manifest.version if self.router else None
        version, was_refused = champion.manifest.version, self.problem is not None
        self.router, self.problem = ModelRouter(champion, challenger), None
        self._metrics.describe_model(champion.manifest)
        if version != before or was_refused:
            logger.info("serving model %s", version)
            if changes := champion.contract_changes:
                logger.warning("model %s was trained before the contract changed: %s", version, "; ".join(changes))
        if version != before:
            audit.record("champion changed", version=version, before=before)

    def refresh(self) -> None:
        """Load the pinned models. If one is refused, the previous champion stays, and the challenger is removed."""
        self._load(ROLES)

    def retry(self) -> None:
        """Load again what was refused for a reason of this machine, and nothing else."""
        self._load(self.to_retry)

    def _load(self, roles: frozenset[Role]) -> None:
        self.to_retry = frozenset()
        try:
            pin = pins.read(self._models_dir)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with a file, the service stays up
            self._refuse(error, roles=ROLES)
            return
        if "champion" in roles:
            self._refresh_champion(pin)
        if "challenger" in roles:
            self._refresh_challenger(pin.challenger)

    def _refresh_champion(self, pin: Pin) -> None:
        try:
            champion = predictor.load(self._models_dir, pin)
            tried = self.router.challenger if self.router else None
            # Before the challenger is loaded, which may take long.
            self.serve(champion, tried if tried and tried.named == pin.challenger else None)
        except Exception as error:  # noqa: BLE001  # as above
            # Without a champion, the challenger is not loaded either.
            self._refuse(error, roles=CHAMPION if self.router else ROLES)

    def _refresh_challenger(self, named: pins.Challenger | None) -> None:
        if self.router is None:
            return
        problem, challenger, before = None, None, self.router.challenger
        if named is not None:
            try:
                challenger = Challenger(named, predictor.load(self._models_dir, named))
            except Exception as error:  # noqa: BLE001  # as above
                problem = f"The challenger {named.version} is refused, only the champion is served. {self._told(error)}"
                if _is_of_machine(error):
                    self.to_retry |= CHALLENGER
                if problem != self.challenger_problem:
                    _log(error, "the challenger %s is refused: %s", named.version)
        self.router, self.challenger_problem = replace(self.router, challenger=challenger), problem
        self._metrics.describe_challenger(self.router.tried, refused=problem is not None)
        if (served := challenger and challenger.named) != (before and before.named):
            audit.record("challenger changed", challenger=served and served.model_dump(exclude={"digest"}))
            if served:
                logger.info("serving challenger %s as %s", served.version, served.mode)

    def _refuse(self, error: Exception, *, roles: frozenset[Role]) -> None:
        """Tell why the pinned model is not served; `roles` are to be tried again if the machine was the reason."""
        problem, is_of_machine = self._told(error), _is_of_machine(error)
        if is_of_machine:
            self.to_retry |= roles
        if problem == self.problem and is_of_machine:
            return  # it was told and counted at the first try
        self.problem = problem
        self._metrics.count_swap_failure()
        audit.record("pinned model refused", problem=problem)
        still = f"model {self.router.champion.manifest.version}" if self.router else "no model"
        _log(error, "the pinned model is refused, %s is served: %s", still)

    def _told(self, error: Exception) -> str:
        """Return the error's text with relative paths: clients must not see where this machine keeps its files."""
        if not isinstance(error, BundleError):
            return f"An unexpected {type(error).__name__} stopped its loading. See the log of the service."
        return str(error).replace(f"{self._models_dir}{os.sep}", "")


def _is_of_machine(error: Exception) -> bool:
    """Return whether the cause may go away without a change of the files, as too many open files or a lack of memory.

    A link, a folder or a file that is missing or too large stays so until somebody changes it, which the watch sees.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError) or (isinstance(cause, OSError) and cause.errno in _OF_MACHINE):
            return True
        if "system error number" in str(cause) or "bad allocation" in str(cause):  # ONNX Runtime has no type for these
            return True
        cause = cause.__cause__
    return False


def _log(error: Exception, message: str, which: str) -> None:
    """Log an error, with its traceback if it is not ours: our own errors say all in one sentence."""
    logger.error(message, which, error, exc_info=None if isinstance(error, BundleError) else error)
