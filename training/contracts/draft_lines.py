"""Finds signs of a line in a table that is no customer, such as one of totals."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from models.customer import parsing
from training.contracts import draft_profile
from training.contracts.draft_profile import Profile

FEW_ROWS = 10
"""Most rows that are taken for lines of totals or remarks."""
_FAR = 3
"""A number this many times as large as the second largest of its column may be a sum."""
_TOTALS = (
    r"^\s*(((grand|sub)[ -]?)?totals?|sums?|summen?|(zwischen|gesamt)summe|gesamt(ergebnis)?|insgesamt|"
    r"somme|total g[ée]n[ée]ral|totale|totaal|suma|soma)\s*:?\s*$"
)
"""Words that a line of totals begins with."""


@dataclass
class Lines:
    """What is kept of a table's rows to find such a line."""

    named: list[str] = field(default_factory=list)
    """First cells that are a word for totals."""
    last: pa.Table | None = None
    """The last rows, where a line of totals is."""

    def add(self, part: pa.Table) -> None:
        """Look at more rows."""
        first = part.column(0)
        if pa.types.is_string(first.type) or pa.types.is_large_string(first.type):
            are_totals = pc.match_substring_regex(first, _TOTALS, ignore_case=True)
            self.named += first.filter(are_totals).to_pylist()
        rows = part if self.last is None else pa.concat_tables([self.last, part])
        self.last = rows.slice(max(0, len(rows) - FEW_ROWS))

    def find(self, profiles: Sequence[Profile], outcome: Profile) -> str:
        """Return why a line may be no customer; empty if nothing says so."""
        if 0 < len(self.named) <= FEW_ROWS:
            return f"a row begins with {self.named[0].strip()!r}"
        if not 0 < outcome.missing <= FEW_ROWS:
            return ""
        others = [profile for profile in profiles if profile is not outcome]
        if 2 * sum(0 < outcome.missing <= profile.missing for profile in others) > len(others):
            return "most other columns have empty cells too"
        far = [profile.name for profile in others if self._is_far(profile, outcome)]
        return f'a row without an outcome has by far the largest "{far[0]}"' if far else ""

    def _is_far(self, profile: Profile, outcome: Profile) -> bool:
        """Tell whether a last row without an outcome has a number far above all others of a column."""
        if self.last is None or not 0 < _FAR * profile.second < profile.high:
            return False
        cells, outcomes = (self.last.column(one.name).to_pylist() for one in (profile, outcome))
        return any(
            _is_unknown(churned, outcome) and profile.read(cell) == profile.high
            for cell, churned in zip(cells, outcomes, strict=True)
        )


def _is_unknown(cell: object, profile: Profile) -> bool:
    text = parsing.whole(cell)
    return text is None or draft_profile.is_null(text, profile.style)
