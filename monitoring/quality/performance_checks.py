"""What a model's manifest promised, and whether outcomes keep it.

Two things must hold: customers are ranked as well as on the test set (ROC-AUC), and probabilities are what happens
(calibration error). Each may be off by the larger of what chance alone reaches and what matters, so that few outcomes
raise no alarm, and many none over nothing; the false alarms that a run may raise are shared between the two. Brier
score, log loss and cost are told and do not decide: they also change when other customers come, with a model as good as
ever.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy import stats

from models.bundles.manifest import Manifest
from models.bundles.quality import Figure, Figures


@dataclass(frozen=True)
class Check:
    """How far one figure is worse than promised, and from where on that counts."""

    metric: str
    worse_by: float
    limit: float

    @property
    def broken(self) -> bool:
        """Whether it reaches its limit."""
        return self.worse_by >= self.limit


def reference(manifest: Manifest) -> dict[str, Figure]:
    """Return the figures of the test set."""
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
    """Hold what happened against the test set, and against the calibration error that right probabilities reach."""
    reach = float(stats.norm.isf(false_alarm_rate / 2))
    now, then = live["roc_auc"], reference["roc_auc"]
    fall = reach * math.hypot(now.deviation, then.deviation)
    return (
        Check("roc_auc", then.value - now.value, max(min_fall, fall)),
        Check("calibration_error", live["calibration_error"].value, max(min_calibration_error, _most(chance, reach))),
    )


def _most(figure: Figure, reach: float) -> float:
    """An error scatters farther up than down, so its upper half counts."""
    return figure.value + reach * (figure.high - figure.value) / 1.96
