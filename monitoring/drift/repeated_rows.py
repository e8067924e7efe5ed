"""Notices that rows repeat earlier ones, as they do when customers without an id are predicted several times.

Each of these rows counts, so the limits follow a number of customers that is too high, and calm windows look like
drift.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.customer.contract import Contract

MUCH = 0.05
"""Share of repeated rows, beyond those that are expected, from which on it is said."""


@dataclass(frozen=True)
class RepeatedRows:
    """How often a row equals an earlier one in all features."""

    share: float
    """Share of the live rows that do."""
    expected: float
    """Largest share that different customers have, according to the reference."""

    @property
    def are_many(self) -> bool:
        """Whether customers seem to be counted several times."""
        return self.share > self.expected + MUCH

    def say(self, which: str, remedy: str) -> str:
        """Say it in a sentence, of which rows it holds and what to do."""
        return (
            f"{self.share:.0%} of the {which} equal an earlier one, and of different customers at most "
            f"{self.expected:.0%} do: customers seem to be counted several times, and drift may be a false alarm; "
            f"{remedy}"
        )


def find(contract: Contract, live: pd.DataFrame, reference: pd.DataFrame) -> RepeatedRows:
    """Count the live rows that equal an earlier one, and how many are expected from the pairs of equal reference rows.

    Each repeated row makes at least one equal pair, so the expected number of pairs is a bound.
    """
    rows = _count_equal(contract, live)
    pairs = _count_equal(contract, reference).astype(np.float64)
    of_pairs = len(reference) * (len(reference) - 1) / 2
    chance = float((pairs * (pairs - 1) / 2).sum()) / of_pairs if of_pairs else 0.0
    return RepeatedRows(
        share=1 - len(rows) / len(live) if len(live) else 0.0,
        expected=min(1.0, chance * max(0, len(live) - 1) / 2),
    )


def _count_equal(contract: Contract, table: pd.DataFrame) -> np.ndarray:
    """Return how often each different row comes."""
    hashed = pd.util.hash_pandas_object(table[list(contract.names)], index=False).to_numpy()
    return np.unique(hashed, return_counts=True)[1]
