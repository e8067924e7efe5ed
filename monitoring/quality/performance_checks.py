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

from models.bundles import recalibration
from models.bundles.manifest import Manifest
from models.bundles.quality import Figure, Figures

CHECKS = 2
"""The false alarm rate is divided between so many checks."""


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
    """Return the test-set figures with their 95 % intervals; without the calibration error of an older manifest."""
    left_out = set() if manifest.has_recalibration else set(recalibration.FIGURES)
    return {
        name: Figure(manifest.metrics[name], interval.low, interval.high)
        for name, interval in manifest.intervals.items()
        if name not in left_out
    }


def check(
    live: Figures,
    reference: Mapping[str, Figure],
    chance: float,
    *,
    false_alarm_rate: float,
    min_fall: float,
    min_calibration_error: float,
) -> tuple[Check, ...]:
    """Compare live ROC-AUC with the test set, and live calibration error with that of perfectly calibrated predictions.

    `chance` is the calibration error that right probabilities exceed in half of the false alarms.
    """
    reach = float(stats.norm.isf(false_alarm_rate / CHECKS))
    now, then = live["roc_auc"], reference["roc_auc"]
    fall = reach * math.hypot(now.deviation, then.deviation)
    return (
        Check("roc_auc", then.value - now.value, max(min_fall, fall)),
        Check("calibration_error", live["calibration_error"].value, max(min_calibration_error, chance)),
    )
