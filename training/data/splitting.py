"""Splits the rows into training rows with folds, and a test set that is evaluated once.

The default is a split by the hash of each row (`training.data.hashing`). With a time column, the test set is the latest
fifth of the rows. With live rows, it is the latest fifth of these. The model is then trained only on outcomes that were
known when the first test row was predicted.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import TimeSeriesSplit

from models.customer.contract import Labels, Mask, Vector
from training.data.live_errors import HistoryTooShort
from training.data.time_column import TimeColumn
from training.errors import SplitImpossible

TEST_FRACTION, FOLDS = 0.2, 5
JUDGED_ROWS = 20_000
"""Most rows that a fold holds out for evaluation: 100,000 in five folds are as informative as millions."""
MINIMUM_PER_CLASS = 5
"""Fewest rows of customers who churned, and of those who stayed, in each part."""
Rows = npt.NDArray[np.int64]
"""(n,) positions of rows."""
Folds = Sequence[tuple[Mask, Rows]]
"""For each fold, a mask of the rows to train on, and the positions of the held-out rows."""


@dataclass(frozen=True)
class Split:
    """The rows of each part; a row whose outcome was known too late for training is in neither."""

    training: Rows
    test: Rows
    """Evaluated once."""
    folds: Folds
    """Five, within `training`."""
    told: str
    """How the rows were split, in words."""


@dataclass(frozen=True)
class RowTimes:
    """When live rows were predicted and known, (n,) seconds since 1970; they are the last n rows."""

    made_at: Vector
    known_at: Vector
    """When a row could be trained on: its outcome was known, and its prediction had the age of `--mature-after`."""

    @property
    def border(self) -> float:
        """Time of the first test row: the start of the latest fifth."""
        return float(np.sort(self.made_at)[int(len(self.made_at) * (1 - TEST_FRACTION))])

    @property
    def is_judged(self) -> Mask:
        """Mask of the test rows: the latest fifth; rows of the same time stay together."""
        return self.made_at >= self.border

    @property
    def is_learned(self) -> Mask:
        """Mask of the training rows: those known before the first test row was predicted."""
        return ~self.is_judged & (self.known_at < self.border)


def by_time(churned: Labels, times: TimeColumn) -> Split:
    """Hold out the latest fifth of the rows; rows of the same time stay together. The folds are split by time as well.

    Raises:
        SplitImpossible: a part has too few customers who churned or stayed.
    """
    column, moments = times.name, times.moments
    order = np.argsort(moments, kind="stable")
    first = moments[order[int(len(order) * (1 - TEST_FRACTION))]]
    is_late = moments[order] >= first
    training, test = order[~is_late], order[is_late]
    if len(training) <= FOLDS:
        problem = f"too few rows lie before {times.show(first)}, where the latest fifth begins"
        raise SplitImpossible(column=column, problem=problem)
    when = moments[training]
    folds = judged((when < when[held_out[0]], held_out) for _, held_out in TimeSeriesSplit(FOLDS).split(when))
    for name, rows in (("the latest fifth", test), *(("a fold", training[part]) for fold in folds for part in fold)):
        if min(np.bincount(churned[rows], minlength=2)) < MINIMUM_PER_CLASS:  # no rows, if one time fills a fold
            raise SplitImpossible(column=column, problem=f"{name} has fewer than {MINIMUM_PER_CLASS} rows of a class")
    taken_for = f", its numbers taken for {times.taken_for}" if times.taken_for else ""
    parts = {"trained": training, "tested": test}
    periods = (f"{done} on rows {times.span(rows)}" for done, rows in parts.items())
    return Split(training, test, folds, f"by {column}{taken_for}: {', '.join(periods)}")


def as_known(churned: Labels, moments: RowTimes) -> Split:
    """Hold out the latest fifth of the live rows; all other rows were known before, and are training rows.

    Raises:
        HistoryTooShort: a part has too few customers who churned or stayed.
    """
    others = len(churned) - len(moments.made_at)
    learned = np.flatnonzero(moments.is_learned)
    learned = learned[np.argsort(moments.made_at[learned], kind="stable")]
    training = np.concatenate([np.arange(others), others + learned])
    test = others + np.flatnonzero(moments.is_judged)
    folds = judged(_known_folds(others, moments.made_at[learned], moments.known_at[learned]))
    for name, rows in (
        ("the training set", training),
        ("the test set", test),
        *(("a fold", training[part]) for fold in folds for part in fold),
    ):
        stayed, left = np.bincount(churned[rows], minlength=2).tolist()
        if min(stayed, left) < MINIMUM_PER_CLASS:
            raise HistoryTooShort(part=name, churned=left, stayed=stayed, needed_per_class=MINIMUM_PER_CLASS)
    first = datetime.fromtimestamp(moments.border, UTC)
    told = f"by time: tested on live rows from {first:%Y-%m-%d %H:%M} UTC on, trained on rows known by then"
    return Split(training, test, folds, told)


def _known_folds(others: int, made_at: Vector, known_at: Vector) -> Iterator[tuple[Mask, Rows]]:
    """Hold out five parts of the live rows in order of time, and train on what was known before each.

    The rows are in order of the time of their prediction. Without other rows, at least a sixth is trained on.
    """
    least = len(made_at) // (FOLDS + 1)
    enough = np.searchsorted(np.sort(known_at), made_at) >= (0 if others else least)
    first = max(least, int(enough.argmax())) if enough.any() else len(made_at)
    for held_out in np.array_split(np.arange(first, len(made_at)), FOLDS):
        begins = made_at[held_out[0]] if len(held_out) else -np.inf
        is_known = np.concatenate([np.ones(others, dtype=np.bool_), known_at < begins])
        yield is_known, others + held_out


def judged(folds: Iterable[tuple[Mask, Rows]]) -> Folds:
    """Reduce the held-out rows of each fold to a random sample of at most 20,000."""
    rng = np.random.default_rng(0)
    return [
        (kept, held_out if len(held_out) <= JUDGED_ROWS else rng.choice(held_out, JUDGED_ROWS, replace=False))
        for kept, held_out in folds
    ]
