"""What a prediction takes, whichever way the request came: the model that serves, the counters, and the log.

Knows nothing of HTTP.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.features import CustomerFeatures
from service.metrics import Metrics
from service.prediction_log import PredictionLog
from service.predictor import Predicted
from service.served_model import ServedModel


@dataclass(frozen=True)
class Inference:
    """Made once for an app; safe to share between threads."""

    model: ServedModel
    metrics: Metrics
    log: PredictionLog

    def predict(self, customers: Sequence[CustomerFeatures], *, explain: bool = False) -> Predicted:
        """Predict each customer, count it, and hand it to the log.

        Raises:
            ModelUnavailable: there is no model.
            BoosterUnreadable: it cannot explain.
        """
        predicted = self.model.require().predict(customers, explain=explain)
        self.metrics.count_predictions(predicted)
        self.log.put(predicted)
        return predicted
