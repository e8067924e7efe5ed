"""Keeps the rows of one customer together: trained on or tested on, and in each fold on one side.

A model recognises rows of a customer that it was trained on, so its figures on other rows of the same customer are too
good.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from models.customer.contract import Labels, Mask
from training.data.hashing import hash_split, row_hash
from training.data.live_errors import HistoryTooShort
from training.data.splitting import FOLDS, MINIMUM_PER_CLASS, Rows, Split
from training.errors import GroupingImpossible

FEW = 0.05
"""Largest share of the judged rows that may belong to customers who are trained on, so that these rows are left out.
Leaving out so few does not bias the figures. Above it customers are drawn, which costs two thirds of the test set."""
_DRAWN = 1 / 3
"""Share of the customers that are judged, if a part is cut by time."""
_LEAST_CUSTOMERS = 2 * FOLDS


@dataclass(frozen=True)
class Groups:
    """The customer of each row."""

    codes: Rows
    """(n,) the hash of the customer's id; negative for rows that are never judged. For live rows, any number."""
    column: str | None = None
    """The column that `--group-column` names; None for live rows, whose log tells customers apart."""

    @property
    def customers(self) -> int:
        """Number of customers."""
        return len(np.unique(self.codes))

    def only(self, kept: Mask) -> "Groups":
        """Return the rows that the mask selects."""
        return replace(self, codes=self.codes[kept])


def read(column: pd.Series, nulls: Sequence[str] = ()) -> Groups:
    """Read the customer of each row from a column of ids; `nulls` are more texts that mean unknown.

    Raises:
        GroupingImpossible: the customer of a row is unknown, or all rows are of one customer.
    """
    name = str(column.name)
    hashes, unknown = row_hash.of_customers(column, nulls)
    if unknown:
        raise GroupingImpossible(column=name, problem=f"it is empty in {unknown:,} of {len(column):,} rows")
    found = Groups(hashes.astype(np.int64), name)
    if found.customers < 2:
        raise GroupingImpossible(column=name, problem="all rows are of one customer")
    return found


def at_random(churned: Labels, groups: Groups, *, seed: int) -> Split:
    """Hold out the fifth of the customers with the smallest draws; folds are stratified by whether they ever churned.

    Raises:
        GroupingImpossible: a part has too few customers, or too few rows of a class.
    """
    _, left = _by_customer(churned, groups.codes)
    counts = np.bincount(left, minlength=2)
    if min(counts[counts > 0]) < _LEAST_CUSTOMERS:
        stayed, churners = counts.tolist()
        problem = f"{churners:,} of its customers churned and {stayed:,} never did; {_LEAST_CUSTOMERS} are needed"
        raise GroupingImpossible(column=groups.column, problem=problem)
    told = f"{hash_split.BY_HASH} customer; folds stratified by whether they churned, with seed {seed}"
    split = hash_split.by_group(churned, groups.codes.astype(np.uint64), seed=seed, told=told)
    return _checked(split, churned, groups)


def apart(split: Split, churned: Labels, groups: Groups, *, seed: int) -> Split:
    """Separate the customers of a split by time: those who are tested on are not trained on, also in each fold.

    Raises:
        GroupingImpossible, HistoryTooShort: a part has too few rows of a class.
    """
    rng, codes = np.random.default_rng(seed), groups.codes
    learns, judges = _separate(codes[split.training], codes[split.test], rng)
    training, test = split.training[learns], split.test[judges]
    place = np.cumsum(learns) - 1  # of a training row among those that are left
    folds = []
    for mask, held_out in split.folds:
        kept, held = mask[learns], place[held_out[learns[held_out]]]
        own = codes[training]
        may_learn, is_held = _separate(own, own[held], rng, among=kept)
        folds.append((kept & may_learn, held[is_held]))
    return _checked(replace(split, training=training, test=test, folds=folds), churned, groups)


def hold_out(churned: Labels, codes: Rows, *, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Split rows into two parts that share no customer; returns the positions of the kept and of the held-out rows."""
    customer, left = _by_customer(churned, codes)
    kept, held = train_test_split(np.arange(len(left)), test_size=fraction, stratify=left, random_state=seed)
    return np.flatnonzero(np.isin(customer, kept)), np.flatnonzero(np.isin(customer, held))


def _by_customer(churned: Labels, codes: Rows) -> tuple[Rows, Labels]:
    """Number the customers from 0; returns the customer of each row, and whether each customer ever churned."""
    _, customer = np.unique(codes, return_inverse=True)
    return customer, (np.bincount(customer, weights=churned) > 0).astype(np.int64)


def _separate(learned: Rows, judged: Rows, rng: np.random.Generator, *, among: Mask | None = None) -> tuple[Mask, Mask]:
    """Return masks of the rows to learn from and of the rows to judge, which then share no customer.

    `among` masks the learned rows that are learned from at all.
    """
    is_known = np.isin(judged, learned if among is None else learned[among])
    if not len(judged) or is_known.mean() <= FEW:
        return np.ones(len(learned), dtype=np.bool_), ~is_known
    # Of all customers, not only of the judged ones: who is missing in the later rows has more often churned.
    customers = np.unique(np.concatenate([learned, judged]))
    customers = customers[customers >= 0]
    drawn = rng.permutation(customers)[: max(1, round(len(customers) * _DRAWN))]
    return ~np.isin(learned, drawn), np.isin(judged, drawn)


def _checked(split: Split, churned: Labels, groups: Groups) -> Split:
    """Check that each part has enough rows of both classes, and say what is in the parts."""
    for name, rows in _parts(split):
        stayed, left = np.bincount(churned[rows], minlength=2).tolist()
        if min(stayed, left) >= MINIMUM_PER_CLASS:
            continue
        if groups.column is None:
            part = f"{name}, with the rows of a customer together,"
            raise HistoryTooShort(part=part, churned=left, stayed=stayed, needed_per_class=MINIMUM_PER_CLASS)
        problem = f"{name} has fewer than {MINIMUM_PER_CLASS} rows of a class, with the rows of a customer together"
        raise GroupingImpossible(column=groups.column, problem=problem)
    named: Mapping[str, Rows] = {"trained": split.training, "tested": split.test}
    parts = (f"{done} on {len(rows):,} rows of {_count(groups, rows):,} customers" for done, rows in named.items())
    by = "the log" if groups.column is None else groups.column
    told = f"{split.told}; rows of one customer, as {by} tells them apart, stay together: {', '.join(parts)}"
    return replace(split, told=told)


def _parts(split: Split) -> Iterator[tuple[str, Rows]]:
    yield from (("the training set", split.training), ("the test set", split.test))
    for mask, held_out in split.folds:
        yield from (("a fold", split.training[mask]), ("a fold", split.training[held_out]))


def _count(groups: Groups, rows: Rows) -> int:
    return len(np.unique(groups.codes[rows]))
