"""The decision: which columns drifted, what else was seen, and both in plain words.

Knows nothing of how a distance was measured or a limit found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

CANNOT_TELL = 2
"""Exit code of a run that came to no verdict, and of a program that could not start."""


@dataclass(frozen=True)
class Score:
    """How far one column moved, in units of how far it may: from 1 on it has drifted."""

    column: str
    method: str
    ratio: float
    limit: float

    @property
    def distance(self) -> float:
        """0 is alike; apart is 1 for the K-S distance and 0.83 for the Jensen-Shannon distance."""
        return self.ratio * self.limit

    @property
    def drifted(self) -> bool:
        """Whether the distance reaches its limit."""
        return self.ratio >= 1

    @property
    def record(self) -> dict[str, Any]:
        """For programs."""
        return {
            "name": self.column,
            "method": self.method,
            "distance": self.distance,
            "limit": self.limit,
            "drifted": self.drifted,
        }


@dataclass(frozen=True)
class Verdict:
    """All that a run has seen. One drifted column is drift."""

    scores: tuple[Score, ...]
    unjudged: Mapping[str, str]
    """Column to the reason why it has no score."""
    violations: Mapping[str, int]
    """Broken rule of the contract to the number of live rows that break it."""
    live_rows: int
    reference_rows: int
    model_version: str

    @property
    def drifted(self) -> list[Score]:
        """The columns that drifted, the farthest beyond its limit first."""
        return sorted((score for score in self.scores if score.drifted), key=lambda score: -score.ratio)

    @property
    def word(self) -> Literal["drift", "no drift"]:
        """The verdict itself."""
        return "drift" if self.drifted else "no drift"

    @property
    def exit_code(self) -> int:
        """0 no drift, 1 drift."""
        return 1 if self.drifted else 0

    @property
    def summary(self) -> str:
        """Say in one line what was found in what."""
        rows = (
            f"{self.live_rows:,} live rows against {self.reference_rows:,} reference rows of model {self.model_version}"
        )
        if not self.drifted:
            return f"{self.word} in {len(self.scores)} columns; {rows}"
        named = (f"{s.column} ({s.method} {s.distance:.2f}, limit {s.limit:.2f})" for s in self.drifted)
        return f"{self.word} in {len(self.drifted)} of {len(self.scores)} columns: {', '.join(named)}; {rows}"

    @property
    def remarks(self) -> list[str]:
        """Say what no distance shows, a line each."""
        unjudged = [f"cannot be judged: {column}, {reason}" for column, reason in self.unjudged.items()]
        return unjudged + [
            f"outside the contract: {rule}, {rows:,} live rows" for rule, rows in self.violations.items()
        ]

    @property
    def record(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "verdict": self.word,
            "exit_code": self.exit_code,
            "summary": self.summary,
            "model_version": self.model_version,
            "live_rows": self.live_rows,
            "reference_rows": self.reference_rows,
            "columns": [score.record for score in self.scores],
            "unjudged": dict(self.unjudged),
            "violations": dict(self.violations),
        }
