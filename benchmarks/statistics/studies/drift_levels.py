"""Study: false alarms and power of the drift of a category, by the number of its levels."""

from dataclasses import dataclass

import numpy as np

from benchmarks.reporting import findings
from benchmarks.statistics.study import Study
from models.customer.contract import Vector
from monitoring.drift import distances, limits, rare_labels
from monitoring.drift.column_pair import LabelPair

LEVELS, ROWS, REFERENCE = (10, 100, 500), (500, 5_000), 5_000
CALM, SHIFTED = 4_000, 500
RATE = 0.01 / 7
"""False alarm rate of one of the seven columns of the shipped contract."""
MIN_DISTANCE = 0.05
SHIFTS = {"most frequent + 5 points": (0, 0.05), "30th + 3 points": (29, 0.03), "last + 3 points": (-1, 0.03)}
"""Which level gets how much of the share of all."""
ABOUT = """\
The shares of the levels fall as 1, 1/2, 1/3 and so on (Zipf). {reference:,} reference rows and a window are drawn,
{calm:,} times without a change and {shifted:,} times with each: one level takes some points from all others.
**drifted** is the share of windows in which the column drifted at a false alarm rate of {rate:.2%}, the column's part
of 1 %, and at the smallest distance of {min_distance}. **each level a label** is the rule without pooling."""


@dataclass(frozen=True)
class Counted:
    """Counts over the windows of one kind."""

    levels: int
    rows: int
    change: str
    windows: int
    drifted: int
    unpooled: int
    """Windows in which it would have drifted with each level as a label of its own."""


def make() -> Study:
    """Draw windows of every kind."""
    random = np.random.default_rng(0)
    counted = []
    for levels in LEVELS:
        shares = zipf(levels)
        for rows in ROWS:
            counted.append(count(levels, rows, "none", shares, CALM, random))
            for change, (place, points) in SHIFTS.items():
                if place < levels:
                    moved = (1 - points) * shares
                    moved[place] += points
                    counted.append(count(levels, rows, change, moved, SHIFTED, random))
    calm = [one for one in counted if one.change == "none"]
    return Study(
        title="Drift: categories of many levels",
        about=ABOUT.format(reference=REFERENCE, calm=CALM, shifted=SHIFTED, rate=RATE, min_distance=MIN_DISTANCE),
        columns=["levels", "rows", "change", "windows", "drifted", "each level a label"],
        rows=[
            [
                str(one.levels),
                f"{one.rows:,}",
                one.change,
                f"{one.windows:,}",
                findings.rate(one.drifted, one.windows),
                findings.rate(one.unpooled, one.windows),
            ]
            for one in counted
        ],
        conclusion=(
            f"Without a change, at most {max(one.drifted / one.windows for one in calm):.2%} of the windows drifted, "
            f"and {max(one.unpooled / one.windows for one in calm):.0%} with each level as a label."
        ),
        raw=[vars(one) for one in counted],
    )


def zipf(levels: int) -> Vector:
    """Return the shares of the levels."""
    weights = 1 / np.arange(1, levels + 1)
    return np.asarray(weights / weights.sum())


def count(
    levels: int, rows: int, change: str, live_shares: Vector, windows: int, random: np.random.Generator
) -> Counted:
    """Judge windows whose levels have these shares."""
    drifted = unpooled = 0
    for _ in range(windows):
        sides = [
            {f"level {at}": int(n) for at, n in enumerate(random.multinomial(size, shares)) if n}
            for size, shares in ((REFERENCE, zipf(levels)), (rows, live_shares))
        ]
        pooling = rare_labels.choose(*sides)
        drifted += has_drifted(LabelPair(*(pooling.count(side) if pooling else side for side in sides)))
        unpooled += has_drifted(LabelPair(*sides))
    return Counted(levels, rows, change, windows, drifted, unpooled)


def has_drifted(pair: LabelPair) -> bool:
    """Judge a column as the job does."""
    reference, live = pair.rows
    limit = limits.jensen_shannon(reference * live / (reference + live), len(pair.labels), RATE)
    return distances.between(pair) >= max(MIN_DISTANCE, limit)
