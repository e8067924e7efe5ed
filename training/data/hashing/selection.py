"""Which rows a fit uses: those whose draws lie in declared ranges, in any partition of the table."""

from dataclasses import dataclass

import numpy as np

from models.customer.contract import Mask
from training.data.hashing import row_hash
from training.data.hashing.row_hash import Hashes


@dataclass(frozen=True)
class Drawn:
    """Rows whose draw with a salt is at least `low` and below `high`."""

    salt: str
    high: float
    low: float = 0

    def of(self, hashes: Hashes) -> Mask:
        """Return the mask of these rows, (n,)."""
        drawn = row_hash.uniform(hashes, self.salt)
        return np.asarray((drawn >= self.low) & (drawn < self.high))


@dataclass(frozen=True)
class Selection:
    """Rows in all of `inside` and in none of `outside`; without both, all rows."""

    inside: tuple[Drawn, ...] = ()
    outside: tuple[Drawn, ...] = ()

    def of(self, hashes: Hashes) -> Mask:
        """Return the mask of these rows, (n,)."""
        found = np.ones(len(hashes), dtype=bool)
        for drawn in self.inside:
            found &= drawn.of(hashes)
        for drawn in self.outside:
            found &= ~drawn.of(hashes)
        # A fit on all rows keeps a byte in all, not one of each row.
        return np.broadcast_to(np.True_, len(hashes)) if found.all() else found
