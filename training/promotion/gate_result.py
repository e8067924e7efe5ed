"""The result of the promotion gate: every check, with the values of both models, the limit and the outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from training.promotion.paired_comparison import Gain

Decision = Literal["promoted", "refused", "cannot tell"]


@dataclass(frozen=True)
class Check:
    """One condition of the gate."""

    name: str
    allowed: str
    passed: bool
    reason: str
    """Why the check did not pass, in words; empty if it passed."""
    champion: str = ""
    challenger: str = ""
    better_by: str = ""
    """By how much the challenger is better, with the 95 % interval."""
    unclear: bool = False
    """Whether the check did not pass because the rows tell neither that it holds nor that it is broken."""


@dataclass(frozen=True)
class GateResult:
    """The result of the gate."""

    challenger: str
    champion: str
    """A version, or the name of the model that replaces a missing champion."""
    rows: int
    """Customers that neither model was trained on."""
    gains: Mapping[str, Gain]
    checks: tuple[Check, ...]
    note: str = ""
    """Why the challenger was not compared with the champion, if there is one; else empty."""

    @property
    def promoted(self) -> bool:
        """Whether all checks passed."""
        return all(check.passed for check in self.checks)

    @property
    def decision(self) -> Decision:
        """What the gate decided; it cannot tell if no check is broken, and more rows might pass those that are open."""
        if self.promoted:
            return "promoted"
        return "cannot tell" if all(check.passed or check.unclear for check in self.checks) else "refused"

    @property
    def reasons(self) -> list[str]:
        """Why the challenger is not promoted; empty if it is."""
        return [check.reason for check in self.checks if not check.passed]


def refuse(challenger: str, champion: str, reason: str) -> GateResult:
    """Return the refusal of a challenger that cannot be compared."""
    return GateResult(
        challenger, champion, 0, {}, (Check("bundle", allowed="as published", passed=False, reason=reason),)
    )
