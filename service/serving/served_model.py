"""Holds the served champion and challenger, and the reasons why pinned models were refused.

A new model is verified and predicts one customer before it replaces the old one, in one assignment: a running request
finishes with the models that it began with. Champion and challenger are refused independently.
"""

import logging
import os
from dataclasses import replace
from pathlib import Path

from models.bundles import pins
from models.bundles.pins import Pin
from models.errors import BundleError
from service.errors import ModelUnavailable
from service.metrics import Metrics
from service.model import predictor
from service.model.model_router import Challenger, ModelRouter
from service.model.predictor import Predictor

logger = logging.getLogger(__name__)


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
        self.router, self.problem = ModelRouter(champion, challenger), None
        self._metrics.describe_model(champion.manifest)
        logger.info("serving model %s", champion.manifest.version)

    def refresh(self) -> None:
        """Load the pinned models. If one is refused, the previous champion stays, and the challenger is removed."""
        try:
            pin = pins.read(self._models_dir)
        except BundleError as error:
            self._refuse(error)
        else:
            self._refresh_champion(pin)
            self._refresh_challenger(pin.challenger)

    def _refresh_champion(self, pin: Pin) -> None:
        try:
            champion = predictor.load(self._models_dir, pin)
        except BundleError as error:
            self._refuse(error)
        else:  # before the challenger is loaded, which may take long
            tried = self.router.challenger if self.router else None
            self.serve(champion, tried if tried and tried.named == pin.challenger else None)

    def _refresh_challenger(self, named: pins.Challenger | None) -> None:
        if self.router is None:
            return
        problem, challenger, before = None, None, self.router.challenger
        if named is not None:
            try:
                challenger = Challenger(named, predictor.load(self._models_dir, named))
            except BundleError as error:
                problem = f"The challenger {named.version} is refused, only the champion is served. {self._told(error)}"
                logger.error("the challenger %s is refused: %s", named.version, error)  # noqa: TRY400  # no traceback
        self.router, self.challenger_problem = replace(self.router, challenger=challenger), problem
        self._metrics.describe_challenger(self.router.tried, refused=problem is not None)
        if challenger and (before is None or before.named != challenger.named):
            logger.info("serving challenger %s as %s", challenger.named.version, challenger.named.mode)

    def _refuse(self, error: BundleError) -> None:
        self.problem = self._told(error)
        self._metrics.count_swap_failure()
        still = f"model {self.router.champion.manifest.version}" if self.router else "no model"
        logger.error("the pinned model is refused, %s is served: %s", still, error)

    def _told(self, error: BundleError) -> str:
        """Return the error's text with relative paths: clients must not see where this machine keeps its files."""
        return str(error).replace(f"{self._models_dir}{os.sep}", "")
