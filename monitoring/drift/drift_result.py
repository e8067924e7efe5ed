"""The decision: which columns drifted, how much of the model rests on them, and both in plain words.

A column that moved is drift only if it matters to the model; predictions that moved always are. Calm is no drift only
if all that could have moved was seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from monitoring.errors import CANNOT_TELL
from monitoring.job_result import JobResult


@dataclass(frozen=True)
class ColumnDrift:
    """How far one column moved, beside how far it may: at its limit it has drifted."""

    column: str
    feature: str | None
    """Whose values, or missing values, it holds; None for the model's predictions."""
    importance: float | None
    """Share of the model that rests on the feature, 0 to 1; None for predictions."""
    method: str
    distance: float
    """0 is alike; apart is 1 for the K-S distance and 0.83 for the Jensen-Shannon distance."""
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
        """For programs."""
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
    """Drifted features that carry less of the model than this are no drift."""
    unjudged: Mapping[str, str]
    """Column to the reason why it has no score."""
    violations: Mapping[str, int]
    """Broken rule of the contract to the number of judged rows that break it."""
    window_rows: int
    """All that there were."""
    judged_rows: int
    reference_rows: int
    model_version: str
    reason: str | None = None
    """What could not be seen and might have drifted, and what to do about it."""

    @property
    def drifted(self) -> list[ColumnDrift]:
        """The columns that drifted, the farthest beyond its limit first."""
        return sorted((score for score in self.scores if score.drifted), key=lambda score: -score.ratio)

    @property
    def drift_share(self) -> float:
        """Share of the model, 0 to 1, that rests on features of which a column drifted."""
        return sum({score.feature: score.importance or 0 for score in self.drifted}.values())

    @property
    def verdict(self) -> Literal["drift", "no drift", "cannot tell"]:
        """Drift if predictions drifted, or if enough of the model rests on drifted columns."""
        if any(score.feature is None for score in self.drifted) or self.drift_share >= self.min_drift_share:
            return "drift"
        return "cannot tell" if self.reason else "no drift"

    @property
    def exit_code(self) -> int:
        """0 no drift, 1 drift, 2 cannot tell."""
        return {"no drift": 0, "drift": 1, "cannot tell": CANNOT_TELL}[self.verdict]

    @property
    def summary(self) -> str:
        """Say in one line what was found in what."""
        calm = "" if self.verdict == "drift" else "no "
        seen = f"{calm}drift in {self._columns}; {self._rows}"
        if self.verdict == "cannot tell":
            return f"cannot tell: {self.reason} What was seen: {seen}"
        return f"{seen}; not seen: {self.reason}" if self.reason else seen

    @property
    def _columns(self) -> str:
        if not self.drifted:
            return f"{len(self.scores)} column{'s' if len(self.scores) != 1 else ''}"
        named = ", ".join(map(str, self.drifted))
        share = f"{self.drift_share:.0%} of the model rests on what moved"
        if self.verdict != "drift":
            return f"what matters: {share}, {named}"
        return f"{len(self.drifted)} of {len(self.scores)} columns: {named}; {share}"

    @property
    def _rows(self) -> str:
        drawn = f" drawn from {self.window_rows:,}" if self.window_rows > self.judged_rows else ""
        reference = f"{self.reference_rows:,} reference rows of model {self.model_version}"
        return f"{self.judged_rows:,} live rows{drawn} against {reference}"

    @property
    def remarks(self) -> list[str]:
        """Say what no distance shows, a line each."""
        unjudged = [f"cannot be judged: {column}, {reason}" for column, reason in self.unjudged.items()]
        return unjudged + [
            f"outside the contract: {rule}, {rows:,} live rows" for rule, rows in self.violations.items()
        ]

    @property
    def details(self) -> dict[str, Any]:
        """Counts, distances and violations."""
        return {
            "window_rows": self.window_rows,
            "judged_rows": self.judged_rows,
            "reference_rows": self.reference_rows,
            "drift_share": self.drift_share,
            "columns": [score.record for score in self.scores],
            "unjudged": dict(self.unjudged),
            "violations": dict(self.violations),
        }
