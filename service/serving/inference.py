"""What a prediction takes, whichever way the request came: the models that serve, the counters, and the log."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.customers import Customer
from service.log.prediction_log import PredictionLog
from service.metrics import Metrics
from service.model.predictor import Predicted
from service.serving.served_model import ServedModel


@dataclass(frozen=True)
class Inference:
    """Made once for an app; safe to share between threads."""

    model: ServedModel
    metrics: Metrics
    log: PredictionLog

    def predict(self, customers: Sequence[Customer], *, explain: bool = False) -> Sequence[Predicted]:
        """Predict each customer, count it, and hand it to the log; a challenger in the shadow will score it from there.

        Raises:
            ModelUnavailable: there is no model.
            BoosterUnreadable: it cannot explain.
        """
        lineup = self.model.require()
        parts = lineup.predict(customers, explain=explain)
        for predicted in parts:
            self.metrics.count_predictions(predicted)
        self.log.put(parts, shadow=lineup.shadow)
        return parts
