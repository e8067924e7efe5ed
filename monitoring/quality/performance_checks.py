"""Checks whether live quality is as good as the test-set figures in the model's manifest.

There are two checks: ranking (ROC-AUC) and calibration (calibration error). The limit of each is the larger of the
difference that chance alone reaches and the smallest difference that matters, so that neither few outcomes nor many
raise false alarms. The false alarm rate of a run is divided between the two checks. Brier score, log loss and cost are
reported but not checked: they also change when the population changes and the model is as good as before.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy import stats

from models.bundles.manifest import Manifest
from models.bundles.quality import Figure, Figures


@dataclass(frozen=True)
class Check:
    """How much worse one figure is than on the test set, and its limit."""

    metric: str
    worse_by: float
    limit: float

    @property
    def ratio(self) -> float:
        """The difference in units of its limit; negative if the figure is better."""
        return self.worse_by / self.limit

    @property
    def broken(self) -> bool:
        """Whether the difference reaches the limit."""
        return self.worse_by >= self.limit


def reference(manifest: Manifest) -> dict[str, Figure]:
    """Return the test-set figures with their 95 % intervals."""
    return {
        name: Figure(manifest.metrics[name], interval.low, interval.high)
        for name, interval in manifest.intervals.items()
    }


def check(
    live: Figures,
    reference: Mapping[str, Figure],
    chance: Figure,
    *,
    false_alarm_rate: float,
    min_fall: float,
    min_calibration_error: float,
) -> tuple[Check, ...]:
    """Compare live ROC-AUC with the test set, and live calibration error with that of perfectly calibrated predictions.

    `chance` is the calibration error that chance alone gives to correct probabilities.
    """
    reach = float(stats.norm.isf(false_alarm_rate / 2))
    now, then = live["roc_auc"], reference["roc_auc"]
    fall = reach * math.hypot(now.deviation, then.deviation)
    return (
        Check("roc_auc", then.value - now.value, max(min_fall, fall)),
        Check("calibration_error", live["calibration_error"].value, max(min_calibration_error, _most(chance, reach))),
    )


def _most(figure: Figure, reach: float) -> float:
    """Return the value `reach` deviations up, from the upper half of the interval, since errors are skewed upwards."""
    return figure.value + reach * (figure.high - figure.value) / 1.96
