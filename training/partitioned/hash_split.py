"""Splits rows by their hash: a fifth is the test set, and each other row is held out in one of five folds."""

from training.data.splitting import FOLDS, TEST_FRACTION
from training.partitioned.selection import Drawn, Selection


def test_rows(seed: int) -> Drawn:
    """Return the draw of the rows of the test set."""
    return Drawn(f"{seed}/test", TEST_FRACTION)


def held_out(seed: int, fold: int) -> Drawn:
    """Return the draw of the rows that a fold holds out of the training rows; `fold` counts from 0."""
    return Drawn(f"{seed}/fold", (fold + 1) / FOLDS, fold / FOLDS)


def trained(seed: int, fold: int | None = None) -> Selection:
    """Return the rows that a model learns from: those of a fold, or all training rows."""
    return Selection(outside=(test_rows(seed), *(() if fold is None else [held_out(seed, fold)])))
