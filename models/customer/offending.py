"""Counts the values that break a contract's rules, and says what to write in the columns file about them."""

import contextlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from models import times
from models.customer import parsing
from models.customer.contract import Columns, Contract, Mask

SHOWN = 5
_KEPT, _LONGEST = 1_000, 40
_SIGNS = {
    'decimal = ","': re.compile(r"[+-]?\d+,\d+"),
    'thousands = ","': re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"),
    'thousands = "." and decimal = ","': re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+"),
    'thousands = " " and decimal = ","': re.compile(r"[+-]?\d{1,3}([ \u00a0\u202f]\d{3})+(,\d+)?"),
    'thousands = "\'"': re.compile(r"[+-]?\d{1,3}('\d{3})+(\.\d+)?"),
}
"""Lines of the section `[csv]`, and the numbers that look as if they needed them."""


@dataclass
class OffendingValues:
    """The values that break each rule, counted over the parts of a table."""

    values: dict[str, Counter[str]] = field(default_factory=dict)
    """By reason; the rarest are left out where there are many."""

    def count(self, contract: Contract, columns: Columns, broken: Mapping[str, Mask]) -> None:
        """Add the values of rows that break a rule; `broken` is what `checks.find_violations` returns."""
        for reason, mask in broken.items():
            name, _, problem = reason.partition(" ")
            if name not in contract.names or problem == "missing":
                continue
            cells = np.asarray(columns[name], dtype=object)[mask].tolist()
            self._add(reason, Counter(map(_shown, cells)))

    def add(self, other: "OffendingValues") -> None:
        """Add the values of other parts."""
        for reason, counter in other.values.items():
            self._add(reason, counter)

    def _add(self, reason: str, more: Counter[str]) -> None:
        counter = self.values.setdefault(reason, Counter())
        counter.update(more)
        if len(counter) > 2 * _KEPT:
            self.values[reason] = Counter(dict(counter.most_common(_KEPT)))

    def listed(self, reason: str) -> str:
        """List the commonest values of a reason, as ` ("soon" 60, "later" 43)`; empty if it has none."""
        common = self.values.get(reason, Counter()).most_common(SHOWN)
        listed = ", ".join(f'"{text}" {rows:,}' for text, rows in common)
        return f" ({listed})" if common else ""

    def remedy(self) -> str:
        """Say what to write under `[csv]` if the values are numbers in another style or words for unknown."""
        texts: Counter[str] = Counter()
        for reason, counter in self.values.items():
            if reason.partition(" ")[2].startswith("not "):
                texts.update(counter)
        common = [text for text, _ in texts.most_common(SHOWN)]
        if dates := _remedy_for_dates(common):
            return dates
        fits = {line: sum(bool(look.fullmatch(text)) for text in common) for line, look in _SIGNS.items()}
        most = max(fits.values())
        if most > len(common) / 2:
            lines = " or ".join(line for line, rows in fits.items() if rows == most)
            return f"The values look like numbers that need {lines} under [csv] in the columns file. "
        listed = ", ".join(f'"{text}"' for text in common)
        return f"If the values mean unknown, add nulls = [{listed}] under [csv] in the columns file. " if common else ""


def describe(reasons: Mapping[str, int], values: OffendingValues) -> str:
    """List all reasons with their rows and commonest values."""
    return "; ".join(f"{reason}: {rows}{values.listed(reason)}" for reason, rows in reasons.items())


def _remedy_for_dates(texts: Sequence[str]) -> str:
    dated = [text for text in texts if not times.is_number(text) and (_is_iso(text) or times.fitting_formats([text]))]
    if len(dated) <= len(texts) / 2:
        return ""
    forms = [] if all(map(_is_iso, dated)) else times.fitting_formats(dated)
    written = f', and time = "{forms[0]}" under [csv],' if forms else ""
    return (
        'The values look like dates. Only an age is a feature: declare Annotated[float, declaration.Age("days")] in '
        f"models/features.py, and add age_at under [features]{written} in the columns file. "
    )


def _is_iso(text: str) -> bool:
    with contextlib.suppress(ValueError):
        times.read(text)
        return True
    return False


def _shown(cell: object) -> str:
    text = str(cell).removesuffix(parsing.UNLISTED)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
