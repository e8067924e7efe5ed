"""Says in words how well the forecasts of the test set were calibrated."""

from collections.abc import Iterator, Mapping

from models.bundles import recalibration
from models.bundles.manifest import Description, Interval


def write(description: Description) -> Iterator[str]:
    """Yield the sentences: how many of 100 customers churned at each bound, and what error and slope mean."""
    if not description.has_recalibration:
        yield "This model was trained before slope and intercept were measured, so it has no figures of calibration."
        return
    metrics, intervals, policy = description.metrics, description.intervals, description.policy
    bounds = zip(recalibration.AT_BOUNDS, (policy.medium_from, policy.high_from), strict=True)
    told = [recalibration.in_words(at, intervals[name].low, intervals[name].high) for name, at in bounds]
    yield f"On the test set, {told[0]}, and {told[1]} (95 % intervals)."
    yield _distance(metrics, intervals["calibration_error"])
    slope, intercept = intervals["calibration_slope"], intervals["calibration_intercept"]
    if slope.high < 1:
        yield "The forecasts are too extreme: high ones are too high, or low ones too low (the slope is below 1)."
    elif slope.low > 1:
        yield "The forecasts are too cautious: high ones are too low, or low ones too high (the slope is above 1)."
    elif intercept.high < 0:
        yield "Fewer customers churned than forecast (the intercept is below 0)."
    elif intercept.low > 0:
        yield "More customers churned than forecast (the intercept is above 0)."
    else:
        yield "Slope and intercept differ from those of exact forecasts, 1 and 0, by no more than chance."


def _distance(metrics: Mapping[str, float], interval: Interval) -> str:
    error, low, high = (f"{100 * one:.1f}" for one in (metrics["calibration_error"], interval.low, interval.high))
    told = f"On average, forecasts are {error} points ({low} to {high}) from their values corrected by these outcomes"
    by_chance = metrics.get("calibration_error_by_chance")
    return f"{told}." if by_chance is None else f"{told}; exact ones would show about {100 * by_chance:.1f} by chance."
