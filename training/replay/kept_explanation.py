"""Compares the explanation that a client kept with the one that was computed again."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.customer import reasons
from models.customer.contract import Contract
from models.customer.feature import Feature
from training.replay.checked import Check
from training.replay.kept_answer import Explanation

_OTHER_WORDS = "they do not name the same fields in the same direction, by a name or by the phrase of the code"
_SAME = 1e-4
"""Largest difference of contributions, in log-odds, and as a share where they are larger than 1."""
_DIRECTIONS = {True: " raises the risk", False: " lowers the risk"}


@dataclass(frozen=True)
class Explained:
    """The explanation that was computed again."""

    served: Mapping[str, float]
    """Contributions to the log-odds of the calibrated probability, by field."""
    raw: Mapping[str, float]
    """Contributions to the score of the trees, which earlier versions of the service answered."""
    reasons: tuple[str, ...]
    strongest: Sequence[tuple[Feature, float]]
    """What the reasons are about, with their contributions."""


def compare(kept: Explanation, found: Explained, own: Contract, today: Contract) -> Iterator[Check]:
    """Compare contributions and reasons, each by itself."""
    yield _contributions(kept.contributions, found, today)
    if list(kept.reasons) == list(found.reasons):
        yield Check("answered reasons", kept.reasons, found.reasons, is_equal=True)
        return
    is_same = _say_the_same(kept.reasons, found.strongest, own, today)
    note = "the same fields in the same direction, in other words" if is_same else _OTHER_WORDS
    yield Check("answered reasons", kept.reasons, found.reasons, is_same, note)


def _contributions(answered: Mapping[str, float], found: Explained, today: Contract) -> Check:
    """Compare the contributions of all fields, on the scale of the probability or else on that of the trees."""
    name, kept = "answered contributions", _by_names_of_today(answered, today)
    served, raw = (_by_names_of_today(values, today) for values in (found.served, found.raw))
    # The model did not know fields that were added after its training: they contribute nothing.
    other = {*served} - {*kept} | {field for field in kept if field not in served and kept[field] != 0}
    if other or len(kept) < len(answered):
        note = f"other fields: {', '.join(sorted(other)) or 'one has two names'}"
        return Check(name, dict(answered), dict(found.served), is_equal=False, note=note)
    for values, note in ((served, ""), (raw, "on the scale of the trees")):
        if all(abs(kept[field] - value) <= _SAME * max(1, abs(value)) for field, value in values.items()):
            return Check(name, dict(answered), dict(found.served), is_equal=True, note=note)
    return Check(name, dict(answered), dict(found.served), is_equal=False)


def _by_names_of_today(values: Mapping[str, float], today: Contract) -> dict[str, float]:
    return {today.names_of_today.get(name, name): value for name, value in values.items()}


def _say_the_same(
    kept: Sequence[str], strongest: Sequence[tuple[Feature, float]], own: Contract, today: Contract
) -> bool:
    """Return whether each reason names the field of the same place, and the direction of its contribution."""
    if len(kept) != len(strongest):
        return False
    words = {field.name: _words(field, today) for field in own.features}
    for reason, (feature, contribution) in zip(kept, strongest, strict=True):
        direction = _DIRECTIONS[contribution > 0]
        if not reason.endswith(direction) or _named(reason.removesuffix(direction), words) != feature.name:
            return False
    return True


def _named(subject: str, words: Mapping[str, Sequence[re.Pattern[str]]]) -> str | None:
    """Return the field that the subject of a reason describes; None if it is none, or not clear which."""
    found = [name for name, patterns in words.items() if any(one.fullmatch(subject) for one in patterns)]
    return found[0] if len(found) == 1 else None


def _words(feature: Feature, today: Contract) -> list[re.Pattern[str]]:
    """Return how a reason may describe a field: by one of its names, or by the phrase of the code."""
    forms = [feature, *(one for one in today.features if feature.name in (one.name, *one.formerly))]
    names = {name.replace("_", " ") for one in forms for name in (one.name, *one.formerly)}
    names |= {reasons.label(one) for one in forms}
    patterns = [rf"{re.escape(name)}( in [^:]+)?: .+, which" for name in names]
    return [re.compile(pattern) for pattern in (*patterns, *(_phrase(one.phrase) for one in forms if one.phrase))]


def _phrase(phrase: str) -> str:
    return re.escape(phrase).replace(re.escape("{value}"), ".+").replace(re.escape("{s}"), "s?")
