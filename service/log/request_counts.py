"""Counts of answered and refused requests for predictions, as a row of the prediction log."""

import json
from collections import Counter
from dataclasses import dataclass, field

from service import random_ids
from service.clock import Timestamp


@dataclass
class RequestCounts:
    """Counts of requests for predictions."""

    answered: int = 0
    refused: int = 0
    refused_fields: Counter[str] = field(default_factory=Counter)
    dropped: int = 0
    """Predictions that did not reach the log."""

    def add(self, other: "RequestCounts") -> None:
        """Add the counts of `other`."""
        self.answered += other.answered
        self.refused += other.refused
        self.refused_fields.update(other.refused_fields)
        self.dropped += other.dropped

    @property
    def any(self) -> bool:
        """Whether any count is not 0."""
        return bool(self.answered or self.refused or self.dropped)

    def line(self, at: Timestamp) -> str:
        """Return the counts as a row of the table."""
        [identity] = random_ids.draw_ids(at.milliseconds, 1)
        fields = json.dumps(self.refused_fields)
        return f"{identity}\t{at.spaced}\t{self.answered}\t{self.refused}\t{fields}\t{self.dropped}"
