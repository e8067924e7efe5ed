"""Splits rows by their hash: a fifth is the test set, whatever the seed and whatever other rows the table has.

A row stays on its side when the table grows, equal rows stay together, and any two models share their test rows. So a
later comparison has the whole test set, and no row of it was learned from by either model.
"""

import re

import numpy as np

from models.customer.contract import Labels
from training.data import splitting
from training.data.hashing.row_hash import Hashes
from training.data.hashing.selection import Drawn, Selection
from training.data.splitting import FOLDS, MINIMUM_PER_CLASS, TEST_FRACTION, Folds, Rows, Split
from training.errors import HashSplitImpossible

SALT = "customer-churn"
"""The salt of the test set. It must not change: models that were split by another one share few test rows."""
BY_HASH = "by the project's hash of each"
"""How the description of such a split begins."""
_OF_SEED = ("at random", "by a hash of each")
LEAST_IN_FOLD = 2
"""Fewest held-out rows of customers who churned, and of those who stayed, in a fold of a whole table."""
_REMEDY = (
    "Bring more rows, name a --group-column with the id of the customer in each row, or split by time with "
    "--time-column."
)


def is_of_seed(told: str) -> bool:
    """Whether the description of a split is that of an earlier release, whose test set depended on the seed."""
    return told.startswith(_OF_SEED)


def unit(told: str) -> str | None:
    """Return what the hash of a described split is of, `row` or `customer`; None for a split by time."""
    return re.split(r"\W", told.removeprefix(f"{BY_HASH} "))[0] if told.startswith(BY_HASH) else None


def customers_column(told: str) -> str | None:
    """Return the column whose ids a described split hashes; None if it is no split by the hash of each customer."""
    named = re.search(r"rows of one customer, as (.+) tells", told)
    return named[1] if named and unit(told) == "customer" else None


def test_rows() -> Drawn:
    """Return the draw of the rows of the test set."""
    return Drawn(f"{SALT}/test", TEST_FRACTION)


def held_out(seed: int, fold: int) -> Drawn:
    """Return the draw of the rows that a fold holds out of a table in parts; `fold` counts from 0."""
    return Drawn(f"{seed}/fold", (fold + 1) / FOLDS, fold / FOLDS)


def trained(seed: int, fold: int | None = None) -> Selection:
    """Return the rows that a model learns from: those of a fold, or all training rows."""
    return Selection(outside=(test_rows(), *(() if fold is None else [held_out(seed, fold)])))


def judged(seed: int, fold: int) -> Selection:
    """Return the training rows that a fold holds out."""
    return Selection(inside=(held_out(seed, fold),), outside=(test_rows(),))


def at_random(churned: Labels, hashes: Hashes, *, seed: int) -> Split:
    """Hold out the fifth of the rows with the smallest draws; the folds are stratified by outcome, with the seed.

    Raises:
        HashSplitImpossible: a part has too few customers who churned or stayed.
    """
    split = by_group(churned, hashes, seed=seed, told=_told(seed))
    of_folds = (("a fold", split.training[held], LEAST_IN_FOLD) for _, held in split.folds)
    for part, rows, needed in (("the test set", split.test, MINIMUM_PER_CLASS), *of_folds):
        stayed, left = np.bincount(churned[rows], minlength=2).tolist()
        if min(stayed, left) < needed:
            raise HashSplitImpossible(part=part, churned=left, stayed=stayed, needed_per_class=needed, remedy=_REMEDY)
    return split


def by_group(churned: Labels, hashes: Hashes, *, seed: int, told: str) -> Split:
    """Split rows so that those of one hash stay together, also in the folds; the parts may lack a class.

    The rows of a part are in the order of their hashes, so that the order of the table changes nothing.
    """
    order = np.argsort(hashes, kind="stable")
    is_test = test_rows().of(hashes[order])
    training, test = order[~is_test], order[is_test]
    return Split(training, test, splitting.judged(_folds(churned[training], hashes[training], seed)), told)


def _folds(churned: Labels, hashes: Hashes, seed: int) -> Folds:
    """Deal the hashes to five folds: those with a customer who churned evenly, and so the others."""
    _, group = np.unique(hashes, return_inverse=True)
    left = np.bincount(group, weights=churned) > 0
    fold: Rows = np.empty(len(left), dtype=np.int64)
    fold[np.lexsort((np.random.default_rng(seed).random(len(left)), left))] = np.arange(len(left)) % FOLDS
    return [(fold[group] != number, np.flatnonzero(fold[group] == number)) for number in range(FOLDS)]


def _told(seed: int) -> str:
    return f"{BY_HASH} row, so that equal rows stay together; folds stratified by outcome, with seed {seed}"
