"""What came of scoring a file, counted as it goes and told at the end."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from models.bundles.risk import RiskTier
from models.customer.contract import Mask


@dataclass
class ScoringSummary:
    """Rows by what became of them."""

    model_version: str
    rows: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Rows by reason; a row may have several."""
    tiers: Counter[RiskTier] = field(default_factory=Counter)
    """Scored rows by tier."""

    @property
    def scored(self) -> int:
        """Rows with a prediction."""
        return self.rows - self.rejected

    def count(self, tiers: Iterable[RiskTier], broken: Mapping[str, Mask], *, rejected: Mask) -> None:
        """Add rows: the tiers of those that were scored; over all of them, (n,), who broke each rule and who any."""
        self.rows += len(rejected)
        self.rejected += int(rejected.sum())
        self.reasons.update({reason: int(mask.sum()) for reason, mask in broken.items()})
        self.tiers.update(tiers)

    def describe(self, output: Path, rejected: Path) -> str:
        """Tell it in plain words, one fact a line; the paths are where the rows lie now."""
        lines = [f"scored {self.scored:,} of {self.rows:,} customers with model {self.model_version}: {output}"]
        shares = {tier: self.tiers[tier] / self.scored for tier in get_args(RiskTier)}
        lines.extend(f"  {tier:<8}{share:6.1%}  {self.tiers[tier]:,}" for tier, share in shares.items())
        if self.rejected:
            lines.append(f"rejected {self.rejected:,}, with their reasons: {rejected}")
        lines.extend(f"  {reason}: {count:,}" for reason, count in self.reasons.most_common())
        return "\n".join(lines)
