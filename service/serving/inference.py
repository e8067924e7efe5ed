"""Predicts customers with the served models, counts the predictions and logs them; used by all prediction requests."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.customer.kinds import clipping
from models.features import CONTRACT
from service.customers import Customer
from service.log.prediction_log import PredictionLog
from service.metrics.metrics import Metrics
from service.model.holdout import Holdout
from service.model.predictor import PredictionBatch
from service.serving.served_model import ServedModel


@dataclass(frozen=True)
class Inference:
    """Created once per app; safe to share between threads."""

    model: ServedModel
    metrics: Metrics
    log: PredictionLog
    clipped: tuple[str, ...] = CONTRACT.clipped
    """Fields whose clipped values are counted."""
    holdout: Holdout | None = None
    """Draws the customers who get no offer; None if there are none."""

    def predict(
        self,
        customers: Sequence[Customer],
        *,
        explain: bool = False,
        is_batch: bool = False,
        requests: int = 1,
        is_retried: bool = False,
    ) -> Sequence[PredictionBatch]:
        """Predict each customer, count it, and pass it to the log; a shadow scores it later from there.

        `requests` is the number of requests that the customers came in: one, or as many as there are customers. With
        `is_retried`, a failure is not counted, because the caller repeats each request.

        Raises:
            ModelUnavailable: no model is loaded.
            RequestInvalid: a customer has a level that the champion has never seen and the contract refuses; it does
                not matter which model answers.
            BoosterUnreadable: the model cannot explain.
        """
        router = self.model.require()
        router.champion.require_known(customers, is_batch=is_batch)
        on_failure = None if is_retried else self.metrics.count_failure
        parts = router.predict(customers, explain=explain, requests=requests, on_failure=on_failure)
        if self.holdout is not None:
            parts = list(map(self.holdout.draw, parts))
        for predicted in parts:
            self.metrics.count_predictions(predicted)
            if predicted.seconds is not None:
                self.metrics.count_answers(predicted)
        if self.clipped:
            self.metrics.count_clipped(clipping.count(customers, self.clipped))
        self.log.put(parts, shadow=router.shadow, requests=requests)
        return parts
