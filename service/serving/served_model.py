"""Which models serve at this moment, and what is wrong with those that are pinned when they are others.

A new model is verified and has predicted before it takes over, in one assignment: a request that has begun ends with
the models that it began with. Champion and challenger are refused each for itself.
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
    """A place for one champion, and a challenger beside it."""

    def __init__(self, models_dir: Path, metrics: Metrics) -> None:
        self._models_dir, self._metrics = models_dir, metrics
        self.lineup: ModelRouter | None = None
        """None until a champion could be trusted."""
        self.problem: str | None = None
        """Why the pinned model is not the one that serves, and the remedy; None when it is."""
        self.challenger_problem: str | None = None
        """Why the challenger that the pin names is not tried, and the remedy; None when it is, or there is none."""

    def require(self) -> ModelRouter:
        """Return the models that serve.

        Raises:
            ModelUnavailable: there is none.
        """
        if self.lineup is None:
            raise ModelUnavailable(reason=self.problem or "No model was loaded yet.")
        return self.lineup

    def serve(self, champion: Predictor, challenger: Challenger | None = None) -> None:
        """Let a champion take over, and perhaps a challenger stand beside it."""
        self.lineup, self.problem = ModelRouter(champion, challenger), None
        self._metrics.describe_model(champion.manifest)
        logger.info("serving model %s", champion.manifest.version)

    def refresh(self) -> None:
        """Serve what is pinned now; of what cannot be trusted, a champion is what it was, and a challenger nothing."""
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
        else:  # at once, however long the challenger takes
            tried = self.lineup.challenger if self.lineup else None
            self.serve(champion, tried if tried and tried.named == pin.challenger else None)

    def _refresh_challenger(self, named: pins.Challenger | None) -> None:
        if self.lineup is None:
            return
        problem, challenger, before = None, None, self.lineup.challenger
        if named is not None:
            try:
                challenger = Challenger(named, predictor.load(self._models_dir, named))
            except BundleError as error:
                problem = f"The challenger {named.version} is refused, the champion goes on alone. {self._told(error)}"
                logger.error("the challenger %s is refused: %s", named.version, error)  # noqa: TRY400  # says it all
        self.lineup, self.challenger_problem = replace(self.lineup, challenger=challenger), problem
        self._metrics.describe_challenger(self.lineup.tried, refused=problem is not None)
        if challenger and (before is None or before.named != challenger.named):
            logger.info("beside it, %s is tried as %s", challenger.named.version, challenger.named.mode)

    def _refuse(self, error: BundleError) -> None:
        self.problem = self._told(error)
        self._metrics.count_swap_failure()
        still = f"model {self.lineup.champion.manifest.version}" if self.lineup else "no model"
        logger.error("the pinned model is refused, %s is served: %s", still, error)

    def _told(self, error: BundleError) -> str:
        """Tell clients which file it is, but not where this machine keeps it."""
        return str(error).replace(f"{self._models_dir}{os.sep}", "")
