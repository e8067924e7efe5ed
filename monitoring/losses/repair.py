"""The repair of a changed churn rate: what a new calibration map would save, from outcomes or from scores alone."""

import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from models.bundles import recalibration
from models.bundles.manifest import Manifest
from models.bundles.quality import MIN_OF_A_CLASS
from models.bundles.recalibration import Recalibration
from models.bundles.risk import RiskPolicy
from models.customer.contract import Labels, Vector
from monitoring.losses import decision_costs, label_shift
from monitoring.losses.decision_costs import Saving
from monitoring.losses.label_shift import ASSUMPTION, LabelShift

COMMAND = "python -m training recalibrate"
LEAST_PART = 0.001
"""Part of the cost of a customer that a map must surely save, to be proposed while the model keeps its promise.

The saving believes that a line is the right correction, and at single bounds the model is off by a few cents more.
"""


@dataclass(frozen=True)
class Repair:
    """What a new map would save a customer; each part is None where it cannot be estimated."""

    unit: str
    """Of the saving, as `USD a customer`."""
    line: Recalibration | None = None
    """The map that the outcomes ask for."""
    saved: Saving | None = None
    """What decisions would cost less with that map, as if it were shown in any case."""
    least: float = 0.0
    """`LEAST_PART` of what decisions cost a customer now."""
    calibration_fell: bool = False
    """Whether the check of the calibration failed; then any sure saving is proposed."""
    shift: LabelShift | None = None
    """The churn rate that all probabilities of the period point to, with or without outcomes."""
    trusted: str | None = None
    """The reporters whose outcomes count, as crm,billing; None for all."""

    @property
    def is_proposed(self) -> bool:
        """Whether the outcomes show that a new map surely saves, and enough."""
        return self.saved is not None and self.saved.surely > self._limit

    @property
    def shown(self) -> Saving | None:
        """The saving, corrected if it is proposed: estimates that pass a limit are too high."""
        return self.saved and self.saved.if_proposed(self._limit)

    @property
    def _limit(self) -> float:
        return 0.0 if self.calibration_fell else self.least

    @property
    def remarks(self) -> Iterator[str]:
        """Propose the map, or say what the scores point to where outcomes are missing."""
        if self.line is not None and self.is_proposed:
            new = _in_words(self.line)
            yield f"recalibration: {new} would save {self.shown} {self.unit}: {self._command}"
        elif self.line is None and (shift := self.shift) is not None and shift.is_sure:
            yield (
                f"churn rate from scores alone: {shift.rate} instead of {shift.before:.3f}, {ASSUMPTION}; a new "
                f"intercept would then save {shift.saved} {self.unit}. Report outcomes, then {self._command}"
            )

    @property
    def _command(self) -> str:
        """Return the command with its reporters, because the gate refuses outcomes of one that nobody named."""
        named = f"{COMMAND} --trusted-reporters"
        return f"{named} {shlex.quote(self.trusted)}" if self.trusted else f"{named} NAMES (those that you trust)"

    @property
    def record(self) -> dict[str, Any]:
        """All estimates, as JSON values."""
        shift = self.shift
        line = None if self.line is None else {"slope": self.line.slope, "intercept": self.line.intercept}
        return {
            "proposed": self.is_proposed,
            "calibration_fell": self.calibration_fell,
            "remark": next(self.remarks, None),
            "unit": self.unit,
            "map": line,
            "saved": asdict(self.shown) if self.shown else None,
            "least_saving": self.least if self.saved else None,
            "without_outcomes": asdict(shift) | {"assumption": ASSUMPTION, "sure": shift.is_sure} if shift else None,
        }


def find(
    manifest: Manifest,
    probability: Vector,
    outcomes: tuple[Vector, Labels] | None,
    *,
    trusted: str | None,
    min_rows: int,
) -> Repair:
    """Estimate both from the probabilities of a period, and from those with trusted outcomes, if these are enough."""
    policy = manifest.policy
    unit = f"{policy.costs.currency} a customer" if policy.costs else "of the cost of a customer"
    line, saved, least = None, None, 0.0
    if outcomes is not None:
        line = recalibration.simplest(*outcomes)
        saved = decision_costs.saved_by(line, probability, policy)
        least = LEAST_PART * decision_costs.expected(line, probability, policy)
    shift = _shift(manifest, policy, probability, min_rows=min_rows)
    return Repair(unit, line, saved, least, shift=shift, trusted=trusted)


def _shift(manifest: Manifest, policy: RiskPolicy, probability: Vector, *, min_rows: int) -> LabelShift | None:
    counts = manifest.confusion
    churned = counts.true_positives + counts.false_negatives
    rows = churned + counts.true_negatives + counts.false_positives
    if min(churned, rows - churned) < MIN_OF_A_CLASS or len(probability) < min_rows:
        return None
    before = churned / rows - manifest.metrics.get("calibration_gap", 0.0)  # the mean probability
    return label_shift.estimate(probability, policy, before=before, before_rows=rows) if 0 < before < 1 else None


def _in_words(line: Recalibration) -> str:
    sign = "-" if line.intercept < 0 else "+"
    factor = "" if line.slope == 1 else f"{line.slope:.2f} * "
    return f"{factor}log-odds {sign} {abs(line.intercept):.2f} instead of the served log-odds"
