"""Which model answers at this moment, and what is wrong with the one that is pinned when it is another.

A new model is verified and has predicted before it takes over, in one assignment: a request that has begun ends with
the model that it began with. Knows nothing of when to look for a new one; that is `service.pin_watch`.
"""

import logging
import os
from pathlib import Path

from models.errors import BundleError
from service import predictor
from service.errors import ModelUnavailable
from service.metrics import Metrics
from service.predictor import Predictor

logger = logging.getLogger(__name__)


class ServedModel:
    """A place for one predictor."""

    def __init__(self, models_dir: Path, metrics: Metrics) -> None:
        self._models_dir, self._metrics = models_dir, metrics
        self.predictor: Predictor | None = None
        """None until a model could be trusted."""
        self.problem: str | None = None
        """Why the pinned model is not the one that serves, and the remedy; None when it is."""

    def require(self) -> Predictor:
        """Return the model that serves.

        Raises:
            ModelUnavailable: there is none.
        """
        if self.predictor is None:
            raise ModelUnavailable(reason=self.problem or "No model was loaded yet.")
        return self.predictor

    def serve(self, predictor: Predictor) -> None:
        """Let a model take over."""
        version_before = self.predictor.manifest.version if self.predictor else None
        self._metrics.describe_model(predictor.manifest, version_before=version_before)
        self.predictor, self.problem = predictor, None
        logger.info("serving model %s", predictor.manifest.version)

    def refresh(self) -> None:
        """Serve what is pinned now; when it cannot be trusted, go on with what there is."""
        try:
            found = predictor.load(self._models_dir)
        except BundleError as error:
            # Clients learn which file it is, but not where this machine keeps it.
            self.problem = str(error).replace(f"{self._models_dir}{os.sep}", "")
            self._metrics.count_swap_failure()
            still = f"model {self.predictor.manifest.version}" if self.predictor else "no model"
            logger.error("the pinned model is refused, %s is served: %s", still, error)  # noqa: TRY400  # says it all
        else:
            self.serve(found)
