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

    def count_zero_divisors(self, feature: str, column: str, rows: int) -> None:
        """Add rows of a part."""
        if rows:
            self.zero_divisors[feature, column] += rows

    def tell(self) -> None:
        """Log one sentence for each count."""
        for (feature, column), rows in self.zero_divisors.items():
            logger.warning('%s is unknown in %s rows, because "%s" is zero there', feature, f"{rows:,}", column)
