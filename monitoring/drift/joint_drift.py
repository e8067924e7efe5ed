"""What the columns show together: how well a classifier tells live rows from reference rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NEEDED = 0.9
"""The fewest features with so much of the falls count; the others may have fallen by chance."""
MOST_NAMED = 5
"""Most features that are named; the record has all."""


@dataclass(frozen=True)
class JointDrift:
    """The out-of-fold ROC-AUC of the classifier, its limit, and the features that it needs."""

    roc_auc: float
    limit: float
    """The ROC-AUC from which on the columns together have drifted."""
    rows: tuple[int, int]
    """Reference rows and live rows that were classified."""
    features: Mapping[str, float]
    """Feature to its share, 0 to 1, in the falls of the ROC-AUC when values are permuted, largest first; empty for no
    drift, and for a drift that the permutation of no single feature undoes."""

    @property
    def drifted(self) -> bool:
        """Whether the ROC-AUC reaches its limit."""
        return self.roc_auc >= self.limit

    @property
    def needed(self) -> list[str]:
        """The fewest features that have `NEEDED` of the falls together."""
        before, found = 0.0, []
        for name, share in self.features.items():
            if before >= NEEDED - 1e-9:
                break
            found.append(name)
            before += share
        return found

    @property
    def ratio(self) -> float:
        """The distance from chance in units of its limit; negative if the classifier guesses worse than chance."""
        return (self.roc_auc - 0.5) / (self.limit - 0.5)

    @property
    def record(self) -> dict[str, Any]:
        """Return the check as JSON values."""
        return {
            "roc_auc": self.roc_auc,
            "limit": self.limit,
            "ratio": self.ratio,
            "drifted": self.drifted,
            "reference_rows": self.rows[0],
            "live_rows": self.rows[1],
            "features": dict(self.features),
            "needed": self.needed,
        }

    def __str__(self) -> str:
        found = f"ROC-AUC {self.roc_auc:.3f}, limit {self.limit:.3f}"
        if not self.drifted:
            return found
        if not self.features:
            return f"{found}, by no single column"
        named = ", ".join(f"{name} {self.features[name]:.0%}" for name in self.needed[:MOST_NAMED])
        more = len(self.needed) - MOST_NAMED
        return f"{found}, by {named}" + (f" and {more} more" if more > 0 else "")
