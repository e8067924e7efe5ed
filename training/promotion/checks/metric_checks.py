"""The gate's checks of whole-set metrics: none is worse by more than a margin, and one is significantly better.

An interval that spans both a loss beyond the margin and a gain tells neither. The check then says so, with the number
of rows that would tell, and the champion stays as after a refusal.
"""

from collections.abc import Iterator, Mapping

from training.promotion import paired_comparison
from training.promotion.gate_result import Check
from training.promotion.paired_comparison import TITLES, Gain
from training.settings import PromoteSettings

MOST_ROWS = 100_000_000
"""Beyond so many rows no number is told."""


def check(gains: Mapping[str, Gain], rows: int, settings: PromoteSettings) -> Iterator[Check]:
    """Check the differences of all metrics on so many rows."""
    margins = {
        "roc_auc": settings.roc_auc_margin,
        "brier": settings.brier_margin,
        "cost": settings.cost_margin_fraction * gains["cost"].champion,
    }
    checks = [_no_worse(metric, gain, margins[metric], rows) for metric, gain in gains.items()]
    unclear = any(one.unclear for one in checks)
    yield from checks
    yield _better(gains, unclear=unclear and all(one.passed or one.unclear for one in checks))


def rows_to_tell(gain: Gain, margin: float, rows: int) -> float:
    """Return about how many rows would tell a loss beyond the margin from a gain, if the difference stays as it is.

    The width of an interval falls with the square root of the rows.
    """
    found = gain.better_by
    ways = [
        (found.value - found.low, found.value + margin),  # then it is surely not worse by the margin
        (found.high - found.value, -found.value),  # then it is surely not better
    ]
    return min(((reach / distance) ** 2 * rows for reach, distance in ways if distance > 0), default=float("inf"))


def _no_worse(metric: str, gain: Gain, margin: float, rows: int) -> Check:
    title, (low, high) = TITLES[metric], (gain.better_by.low, gain.better_by.high)
    passed, unclear = low >= -margin, low < -margin and high > 0
    digits = 2 if gain.champion > 1 else 4  # amounts of money need two
    reason = "" if passed else f"{title} may be worse by {-low:.3g}, more than {margin:.3g}"
    if unclear:
        reason += f", or better by {high:.3g}: {_told(rows_to_tell(gain, margin, rows))}"
    return Check(
        f"{title} not worse",
        f"at least {-margin:z.3g}",
        passed,
        reason,
        champion=f"{gain.champion:.{digits}f}",
        challenger=f"{gain.challenger:.{digits}f}",
        better_by=paired_comparison.signed(gain.better_by, digits),
        unclear=unclear,
    )


def _better(gains: Mapping[str, Gain], *, unclear: bool) -> Check:
    better = [
        f"{TITLES[metric]} by at least {gain.corrected_low:.3g}" for metric, gain in gains.items() if gain.is_better
    ]
    reason = "" if better else "it is significantly better in none of ROC-AUC, Brier score and cost"
    return Check(
        "better in one",
        "significantly above 0",
        bool(better),
        reason,
        better_by=", ".join(better) or "none",
        unclear=unclear and not better,
    )


def _told(needed: float) -> str:
    if needed > MOST_ROWS:
        return "no number of rows that can be had would tell"
    digits = 2 - len(str(int(needed)))  # two digits are more than is known
    return f"about {max(round(needed, digits), 1):,.0f} rows that neither was trained on would tell"
