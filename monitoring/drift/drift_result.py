"""The result of the drift job: the drifted columns, their share of the feature importance, and the verdict.

A drifted input column counts by the importance of its feature; drifted predictions always count. The verdict is
"no drift" only if nothing speaks against it, such as many refused requests or rows that break a rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from monitoring.drift.joint_drift import JointDrift
from monitoring.errors import CANNOT_TELL
from monitoring.job_result import JobResult

MOST_NAMED, MOST_DRAWN = 20, 60
"""Most drifted columns that the summary names, and most columns that report and dashboard draw; the record has all."""


@dataclass(frozen=True)
class ColumnDrift:
    """The distance of one column and its limit; at the limit the column has drifted."""

    column: str
    feature: str | None
    """The feature whose values, or missing values, the column holds; None for the predictions."""
    importance: float | None
    """Share of the feature in the total importance, 0 to 1; None for the predictions."""
    method: str
    distance: float
    """From 0 (same) to 1 for the K-S distance and 0.83 for the Jensen-Shannon distance."""
    limit: float

    @property
    def ratio(self) -> float:
        """The distance in units of its limit."""
        return self.distance / self.limit

    @property
    def drifted(self) -> bool:
        """Whether the distance reaches its limit."""
        return self.distance >= self.limit

    @property
    def record(self) -> dict[str, Any]:
        """Return the column as JSON values."""
        return {
            "name": self.column,
            "method": self.method,
            "distance": self.distance,
            "limit": self.limit,
            "ratio": self.ratio,
            "importance": self.importance,
            "drifted": self.drifted,
        }

    def __str__(self) -> str:
        return f"{self.column} ({self.method} {self.distance:.2f}, limit {self.limit:.2f})"


@dataclass(frozen=True)
class DriftResult(JobResult):
    """The result of the drift job."""

    scores: tuple[ColumnDrift, ...]
    min_drift_share: float
    """Smallest `drift_share` that counts as drift."""
    unjudged: Mapping[str, str]
    """Column to the reason why it was not compared."""
    violations: Mapping[str, int]
    """Rule of the contract to the number of judged rows that break it."""
    window_rows: int
    """All rows of the window."""
    judged_rows: int
    """Rows that were checked: all rows of a file, a sample of the log."""
    reference_rows: int
    model_version: str
    reason: str | None = None
    """Why calm columns would not mean that nothing drifted, and the remedy; None if they would."""
    joint: JointDrift | None = None
    """The columns together; None if they were not compared so."""
    unclassified: str | None = None
    """Why they were not."""
    importance: Mapping[str, float] = field(default_factory=dict)
    """Share of each feature in the total importance, for those that drifted together."""

    @property
    def drifted(self) -> list[ColumnDrift]:
        """The columns that drifted, sorted by distance over limit, largest first."""
        return sorted((score for score in self.scores if score.drifted), key=lambda score: -score.ratio)

    @property
    def drawn(self) -> list[ColumnDrift]:
        """The columns to draw: the predictions, drifted columns, then the most important others."""
        ranked = sorted(self.scores, key=lambda one: (one.feature is not None, not one.drifted, -(one.importance or 0)))
        return ranked[:MOST_DRAWN]

    @property
    def drift_share(self) -> float:
        """Share of the total importance, 0 to 1, of the features that drifted by a column or together."""
        shares: dict[str | None, float] = {score.feature: score.importance or 0 for score in self.drifted}
        if self.joint:
            shares |= {name: self.importance.get(name, 0) for name in self.joint.needed}
        return sum(shares.values())

    @property
    def verdict(self) -> Literal["drift", "no drift", "cannot tell"]:
        """Drift if the predictions drifted, if `drift_share` reaches `min_drift_share`, or if all columns together did.

        The last is a drift together that the classifier needs no single feature for, so that it has no importance.
        """
        predictions = any(score.feature is None for score in self.drifted)
        if predictions or self.drift_share >= self.min_drift_share or self._is_of_no_feature:
            return "drift"
        return "cannot tell" if self.reason else "no drift"

    @property
    def exit_code(self) -> int:
        """0 no drift, 1 drift, 2 cannot tell."""
        return {"no drift": 0, "drift": 1, "cannot tell": CANNOT_TELL}[self.verdict]

    @property
    def summary(self) -> str:
        """Summarize the result in one line."""
        found = f"{self._drift}; {self._rows}"
        if self.verdict == "cannot tell":
            return f"cannot tell: {self.reason} Partial result: {found}"
        return f"{found}; warning: {self.reason}" if self.reason else found

    @property
    def _drift(self) -> str:
        together = self._together
        if not self.drifted and together:
            share = f"these features have {self.drift_share:.0%} of the importance"
            if self._is_of_no_feature:
                share = "it counts, since only several columns at once explain it"
            what = "drift" if self.verdict == "drift" else "no drift that matters:"
            return f"{what} in the columns together, and in none by itself: {together}; {share}"
        return self._columns + (f"; and in the columns together: {together}" if together else "")

    @property
    def _is_of_no_feature(self) -> bool:
        return self.joint is not None and self.joint.drifted and not self.joint.features

    @property
    def _together(self) -> str:
        return f"{self.joint}" if self.joint and self.joint.drifted else ""

    @property
    def _columns(self) -> str:
        if not self.drifted:
            return f"no drift in {len(self.scores)} column{'s' if len(self.scores) != 1 else ''}"
        named = ", ".join(map(str, self.drifted[:MOST_NAMED]))
        more = len(self.drifted) - MOST_NAMED
        columns = f"{named} and {more} more" if more > 0 else named
        share = f"drifted features have {self.drift_share:.0%} of the importance"
        if self.verdict != "drift":
            return f"no drift that matters: {share}: {columns}"
        return f"drift in {len(self.drifted)} of {len(self.scores)} columns: {columns}; {share}"

    @property
    def _rows(self) -> str:
        sampled = f" sampled from {self.window_rows:,}" if self.window_rows > self.judged_rows else ""
        reference = f"{self.reference_rows:,} reference rows of model {self.model_version}"
        return f"{self.judged_rows:,} live rows{sampled} against {reference}"

    @property
    def remarks(self) -> list[str]:
        """List the columns together, the columns that were not compared, and the broken rules, a line each."""
        together = []
        if self.joint:
            reference, live = self.joint.rows
            rows = f"{live:,} live rows and {reference:,} reference rows"
            together.append(f"columns together: a classifier tells {rows} apart with {self.joint}")
        elif self.unclassified:
            together.append(f"columns together: not compared, because {self.unclassified}")
        unjudged = [f"not compared: {column}, {reason}" for column, reason in self.unjudged.items()]
        return (
            together
            + unjudged
            + [f"outside the contract: {rule}, {rows:,} live rows" for rule, rows in self.violations.items()]
        )

    @property
    def details(self) -> dict[str, Any]:
        """Counts, distances and violations."""
        return {
            "window_rows": self.window_rows,
            "judged_rows": self.judged_rows,
            "reference_rows": self.reference_rows,
            "drift_share": self.drift_share,
            "min_drift_share": self.min_drift_share,
            "columns": [score.record for score in self.scores],
            "joint": self.joint.record if self.joint else None,
            "unjudged": dict(self.unjudged),
            "violations": dict(self.violations),
        }
