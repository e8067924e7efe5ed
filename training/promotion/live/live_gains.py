"""Decides whether a challenger is better, by intervals that hold at every look."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.bundles.quality import Figure
from training.promotion.live import confidence_sequence
from training.promotion.live.metric_differences import Difference
from training.promotion.paired_comparison import METRICS

LEVEL = 0.05
"""Over all metrics and all looks, at most this share of trials of equal models shows a difference."""


@dataclass(frozen=True)
class LiveGain:
    """One metric of both models, with intervals that hold at every look."""

    difference: Difference
    better_by: Figure
    """With a level of 95 %."""
    corrected: tuple[float, float]
    """Ends of the interval that is corrected for several metrics (Bonferroni)."""

    @property
    def is_better(self) -> bool:
        """Whether the challenger is significantly better, corrected for several metrics."""
        return not self.difference.doubt and self.corrected[0] > 0

    @property
    def is_surely_worse(self) -> bool:
        """Whether the challenger is significantly worse, corrected for several metrics."""
        return not self.difference.doubt and self.corrected[1] < 0

    @property
    def is_worse(self) -> bool:
        """Whether the challenger is significantly worse: the whole 95 % interval is below 0."""
        return not self.difference.doubt and self.better_by.high < 0


def is_better(gains: Mapping[str, LiveGain]) -> bool:
    """Return whether the challenger is significantly better in a metric, and significantly worse in none."""
    return any(gain.is_better for gain in gains.values()) and not any(gain.is_worse for gain in gains.values())


def judge(found: Mapping[str, Difference], *, horizon_rows: int, level: float = LEVEL) -> dict[str, LiveGain]:
    """Give each difference its intervals."""
    return {metric: _gain(one, horizon_rows, level) for metric, one in found.items()}


def _gain(found: Difference, horizon_rows: int, level: float) -> LiveGain:
    value = found.better_by
    wide, wider = (
        confidence_sequence.half_width(found.rows, found.deviation, level=one, horizon_rows=horizon_rows)
        for one in (level, level / len(METRICS))
    )
    return LiveGain(found, Figure(value, value - wide, value + wide), (value - wider, value + wider))
