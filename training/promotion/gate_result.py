"""What the gate says of a challenger: every check with both sides, the limit and the result."""

from collections.abc import Mapping
from dataclasses import dataclass

from training.promotion.paired_comparison import Gain


@dataclass(frozen=True)
class Check:
    """One thing that must hold."""

    name: str
    allowed: str
    passed: bool
    reason: str
    """Why not, in words; empty if it holds."""
    champion: str = ""
    challenger: str = ""
    better_by: str = ""
    """The challenger, with its 95 % interval."""


@dataclass(frozen=True)
class GateResult:
    """What the gate says."""

    challenger: str
    champion: str
    """A version, or whatever stands in for a champion."""
    rows: int
    """Customers that neither learned from."""
    gains: Mapping[str, Gain]
    checks: tuple[Check, ...]

    @property
    def promoted(self) -> bool:
        """Whether all holds."""
        return all(check.passed for check in self.checks)

    @property
    def reasons(self) -> list[str]:
        """Why the challenger is refused; nothing when it is not."""
        return [check.reason for check in self.checks if not check.passed]


def refuse(challenger: str, champion: str, reason: str) -> GateResult:
    """Refuse a challenger that cannot even be compared."""
    return GateResult(
        challenger, champion, 0, {}, (Check("bundle", allowed="as published", passed=False, reason=reason),)
    )
