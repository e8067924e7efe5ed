"""What the columns show together: how well a classifier tells live rows from reference rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class JointDrift:
    """The out-of-fold ROC-AUC of the classifier, its limit, and the features that it needs."""

    roc_auc: float
    limit: float
    """The ROC-AUC from which on the columns together have drifted."""
    rows: tuple[int, int]
    """Reference rows and live rows that were classified."""
    features: Mapping[str, float]
    """Feature to its share, 0 to 1, in the fall of the ROC-AUC when values are permuted, largest first; empty for no
    drift."""

    @property
    def drifted(self) -> bool:
        """Whether the ROC-AUC reaches its limit."""
        return self.roc_auc >= self.limit

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
        }

    def __str__(self) -> str:
        found = f"ROC-AUC {self.roc_auc:.3f}, limit {self.limit:.3f}"
        if not self.drifted:
            return found
        return f"{found}, by {', '.join(f'{name} {share:.0%}' for name, share in self.features.items())}"
