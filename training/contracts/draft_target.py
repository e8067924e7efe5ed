"""Finds the outcome among the columns of a table, which of its values means churn, and columns that give it away."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from models.columns.errors import ColumnMissing
from models.columns.origins import Target
from models.customer import parsing
from models.customer.files.csv_format import CsvFormat
from training.contracts import draft_kinds, draft_lines, draft_names, draft_profile
from training.contracts.draft_profile import Profile
from training.contracts.errors import TargetOutOfScope, TargetUnknown

_NAMES = (
    re.compile(r"churn|attrit|abgewandert|abwander|kuendig|gekuend|resili"),
    re.compile(r"exited|cancel|defect|(^|_)(left|leaver?|leaves|gone|lost|quit|stopped|closed|terminated)(_|$)"),
    re.compile(r"(^|_)(target|label|outcome|class|y)(_|$)"),
)
"""Looks of the outcome's name, the surest first."""
_LEFT = re.compile(
    r"(yes|y|true|t|1|ja|j|oui|si|sí)$|churn|attrit|exit|cancel|left|leav|gone|lost|quit|closed|terminat|gek"
)
_STAYED = re.compile(r"(no|n|false|f|0|nein|non)$|not |non-|no |exist|stay|retain|active|current|loyal|kept")


def find(profiles: Sequence[Profile], named: str | None, *, has_list: bool = False) -> Profile:
    """Return the column of the outcome: the named one, or the one that looks like it.

    If a list says which values mean churn, the named one may have more than two.

    Raises:
        ColumnMissing: the table lacks the named one.
        TargetOutOfScope: it does not have two values.
        TargetUnknown: none is named, and none or several look like it.
    """
    if named is not None:
        found = [profile for profile in profiles if profile.name == named]
        if not found:
            names = [profile.name for profile in profiles]
            raise ColumnMissing(missing=[named], present=names, remedy="Name another one with --target.")
        if len(values_of(found[0])) != 2 and not has_list:
            raise _out_of_scope(found[0])
        return found[0]
    called = [profile for profile in profiles if _NAMES[0].search(draft_names.snake(profile.name))]
    if len(called) == 1 and _has_few_others(called[0]):
        raise _out_of_scope(called[0])
    pairs = [profile for profile in profiles if len(values_of(profile)) == 2]
    for look in _NAMES:
        looking = [profile for profile in pairs if look.search(draft_names.snake(profile.name))]
        if len(looking) == 1:
            return looking[0]
        if looking:
            raise TargetUnknown(candidates=[profile.name for profile in looking])
    if len(pairs) == 1:
        return pairs[0]
    if len(called) == 1 and not pairs:
        raise _out_of_scope(called[0])
    raise TargetUnknown(candidates=[profile.name for profile in pairs])


def values_of(profile: Profile) -> list[str]:
    """Return the different values in the form in which the columns file compares them."""
    return sorted({parsing.canonical(text) or "" for text in profile.values})


def positive(profile: Profile) -> Target:
    """Guess which of two values means churn: by its word, or else the rarer one."""
    first, second = values_of(profile)
    words = [bool(_LEFT.match(value.casefold())) and not _STAYED.match(value.casefold()) for value in (first, second)]
    stays = [bool(_STAYED.match(value.casefold())) for value in (first, second)]
    rows = _rows_of_values(profile)
    if words[0] != words[1]:
        found = first if words[0] else second
    elif stays[0] != stays[1]:
        found = second if stays[0] else first
    else:
        found = min(rows, key=lambda value: rows[value])
    return Target(column=profile.name, positive=1 if found == "1" else found)


def share(profile: Profile, target: Target) -> float:
    """Return the share of the known outcomes that mean churn."""
    rows = _rows_of_values(profile)
    return sum(rows[value] for value in target.positives) / max(profile.known, 1)


def gives_away(cells: pa.ChunkedArray, outcome: pa.ChunkedArray, style: CsvFormat) -> bool:
    """Tell whether each value of a column, or that it is missing, comes with one outcome only; over some rows."""
    outcomes = _codes(outcome, style)
    known = outcomes != -1
    codes = _codes(cells, style)[known]
    outcomes = outcomes[known]
    if outcomes.nunique() < 2:
        return False
    few = codes.nunique() <= draft_kinds.MOST_LEVELS and len(codes) >= 10 * codes.nunique()
    return any(_is_told(code, outcomes) for code in ((codes, codes == -1) if few else (codes == -1,)))


def _out_of_scope(profile: Profile) -> TargetOutOfScope:
    values, may_be_line = values_of(profile), _has_few_others(profile)
    return TargetOutOfScope(column=profile.name, values=values, has_more=profile.is_full, may_be_line=may_be_line)


def _has_few_others(profile: Profile) -> bool:
    """Tell whether few rows have another value than the two most common ones, as in a line of totals."""
    rows = sorted(_rows_of_values(profile).values(), reverse=True)
    return 0 < sum(rows[2:]) <= draft_lines.FEW_ROWS and sum(rows[2:]) < rows[1]


def _rows_of_values(profile: Profile) -> Counter[str]:
    rows: Counter[str] = Counter()
    for text, count in profile.values.items():
        rows[parsing.canonical(text) or ""] += count
    return rows


def _is_told(codes: pd.Series, outcomes: pd.Series) -> bool:
    return codes.nunique() > 1 and bool((outcomes.groupby(codes).nunique() == 1).all())


def _codes(column: pa.ChunkedArray, style: CsvFormat) -> pd.Series:
    """Return a number for each different value; -1 means unknown."""
    codes, different = pd.factorize(column.to_pandas())
    texts = [parsing.canonical(value) for value in different.tolist()]
    numbers: dict[str, int] = {}
    unknown = [text is None or draft_profile.is_null(text, style) for text in texts]
    places = [
        -1 if is_null else numbers.setdefault(str(text), len(numbers))
        for text, is_null in zip(texts, unknown, strict=True)
    ]
    return pd.Series(np.array([*places, -1])[codes])  # a code of -1, for null, is the last
