"""Counts what became of cells on their way to the contract, where somebody should be told."""

import logging
from collections import Counter
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)


@dataclass
class Conversions:
    """Counts over the parts of a table."""

    zero_divisors: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Rows in which a ratio is unknown because it divides by zero, by feature and column of the divisor."""

    clipped: Counter[str] = field(default_factory=Counter)
    """Numbers that were set to a bound, by feature."""

    def count_clipped(self, feature: str, rows: int) -> None:
        """Add rows of a part."""
        if rows:
            self.clipped[feature] += rows

    def count_zero_divisors(self, feature: str, column: str, rows: int) -> None:
        """Add rows of a part."""
        if rows:
            self.zero_divisors[feature, column] += rows

    def add(self, other: "Conversions") -> None:
        """Add the counts of other parts."""
        self.zero_divisors.update(other.zero_divisors)
        self.clipped.update(other.clipped)

    def tell(self) -> None:
        """Log one sentence for each count."""
        for (feature, column), rows in self.zero_divisors.items():
            logger.warning('%s is unknown in %s rows, because "%s" is zero there', feature, f"{rows:,}", column)
        for name, rows in self.clipped.items():
            logger.warning("%s was beyond its bounds in %s rows, and is clipped to them", name, f"{rows:,}")
