"""Decides what a column becomes: a field of the contract, or a column that is left out, with the reason."""

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from models.customer import parsing
from training.contracts import draft_names
from training.contracts.draft_dates import Dates
from training.contracts.draft_profile import Profile, are_numbers

MOST_LEVELS = 50
"""A category with more levels is an open one, whose levels are learned in training."""
AGE = 'Annotated[float, declaration.Age("days")]'
OPEN_CATEGORY = "Annotated[str, declaration.Category(max=200)]"
LEAK = "tells the outcome"
_LONGEST_LEVEL, _MOST_MISSING, _ID_SHARE, _ID_ROWS = 60, 0.95, 0.99, 20
_LOOKED_AT, _MANY_SHARE = 1_000, 0.5
_SMALLEST, _LARGEST = 1e-30, 1e36
_YES = {"yes", "y", "true", "t", "on", "1", "ja", "j", "wahr", "oui", "vrai", "si", "sí", "sim"}
_NO = {"no", "n", "false", "f", "off", "0", "nein", "falsch", "non", "faux", "não"}
_SIGN = (
    r"((?:US|C|A|R)?\$|[€£¥₹₽₩₪₺₫฿₴₦¢%‰]|EUR|USD|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BRL|MXN|ZAR|"
    r"SGD|HKD|KRW|THB|AED|euros?|dollars?|pounds?|percent|prozent|s?fr\.?|kr\.?|rs\.?|zł|kč|ft|lei)"
)
"""Signs, codes and words of currencies, and percent."""
_SIGNED = re.compile(
    rf"[-+(\u2212]*\s*(?:{_SIGN}\s*)?[-+(\u2212]*\s*\d[\d.,'\u2019\s]*(?:[-\u2013]+\s*)?\)?\s*(?:{_SIGN}\s*)?[-)]?",
    re.IGNORECASE,
)
_ID_NAME = re.compile(r"(^|_)(id|uuid|guid)$|^id_")


@dataclass(frozen=True)
class Field:
    """A column that becomes a field."""

    column: str
    kind: str
    """Its annotation: int, float, bool, AGE, OPEN_CATEGORY, or Literal, whose levels follow."""
    is_nullable: bool
    example: int | float | bool | str
    bounds: tuple[float, float] | None = None
    levels: tuple[str, ...] = ()
    values: Mapping[str, bool] = field(default_factory=dict)
    """Words of the table for true and false."""
    nulls: tuple[str, ...] = ()
    """Words of the table for unknown."""
    age_at: str = ""
    """For an age, the column or the time at which it is taken."""
    why: str = ""


@dataclass(frozen=True)
class LeftOut:
    """A column that no field reads."""

    column: str
    why: str
    is_forbidden: bool = False
    """Whether it goes under `never_features`."""
    remedy: str = ""


Decision = Field | LeftOut


def decide(profile: Profile, dates: Dates) -> Decision:
    """Return what a column becomes."""
    is_time_of_ages = profile.name in dates.times_of_ages
    if problem := "the time at which the ages are taken" if is_time_of_ages else _find_nothing_to_learn(profile):
        return LeftOut(profile.name, problem)
    if unclear := dates.unclear.get(profile.name):
        return LeftOut(profile.name, unclear, remedy="write them alike, or declare time under [csv]")
    if profile.name in dates.moments:
        return _date(profile, dates)
    if problem := _find_id(profile):
        return LeftOut(profile.name, problem, is_forbidden=True, remedy="remove it here if it is no id")
    if words := _truth_of(profile):
        return _boolean(profile, words)
    return _number(profile) if _is_numeric(profile) else _category(profile)


def round_bound(number: float) -> float:
    """Return 1, 2 or 5 times a power of ten that is at least one and a half times a positive number.

    A bound is a number of float32, as all features are.

    >>> [round_bound(number) for number in (72, 118.75, 8_684.8, 0.02, 5e-324)]
    [200, 200, 20000, 0.05, 2e-30]
    """
    number = min(max(number, _SMALLEST), _LARGEST)
    power = 10.0 ** math.floor(math.log10(number))
    bound = next(step * power for step in (1, 2, 5, 10, 20) if step * power >= 1.5 * number)
    return int(bound) if bound >= 1 else float(f"{bound:.1g}")


def _many_levels(profile: Profile) -> Decision:
    """Return what a category with more than 50 levels becomes."""
    levels = f"{'more than ' if profile.is_full else ''}{len(profile.values):,} levels"
    if profile.distinct_share > _MANY_SHARE:
        return LeftOut(profile.name, f"{levels}, hardly any of them twice", remedy="group them in the table")
    return Field(profile.name, OPEN_CATEGORY, profile.missing > 0, _commonest(profile), why=levels)


def _date(profile: Profile, dates: Dates) -> Decision:
    """Return what a column of dates becomes: an age."""
    at, days = dates.age(profile.name)
    known, nulls = days[np.isfinite(days)], dates.nulls[profile.name]
    if len(np.unique(known)) < 2:
        return LeftOut(profile.name, "one date only" if len(known) else "no date in the first rows")
    high = round_bound(float(np.abs(known).max()))
    low = 0 if known.min() >= 0 else -high
    why = f'days until "{at}"' if at in dates.moments else f"days until {at}, the newest date"
    return Field(
        profile.name,
        AGE,
        profile.missing > 0 or len(known) < len(days),
        float(f"{np.median(known):.3g}"),
        bounds=(low, high),
        nulls=nulls,
        age_at=at,
        why=f"{why}; {', '.join(nulls)} is unknown" if nulls else why,
    )


def _find_nothing_to_learn(profile: Profile) -> str:
    if profile.stored == "nested":
        return "lists or bytes"
    if not profile.known:
        return "always missing"
    if profile.missing > _MOST_MISSING * profile.rows:
        return f"missing in {profile.missing / profile.rows:.1%} of the rows"
    if len(profile.values) == 1:
        return "one value only"
    sign = _find_sign(profile) if len(profile.values) > MOST_LEVELS else ""
    return f"numbers with {sign}; write them without it in the table" if sign else ""


def _find_id(profile: Profile) -> str:
    is_numeric = _is_numeric(profile)
    texts = list(profile.values)[:_LOOKED_AT]
    are_sentences = not is_numeric and sum(" " in text for text in texts) > len(texts) / 2
    if are_sentences or (is_numeric and not profile.are_whole) or profile.known < _ID_ROWS:
        return ""
    if profile.distinct_share >= _ID_SHARE:
        return f"looks like an id: {profile.distinct_share:.0%} of its values are different"
    has_name = _ID_NAME.search(draft_names.snake(profile.name)) and len(profile.values) > MOST_LEVELS
    return "looks like an id by its name" if has_name else ""


def _find_sign(profile: Profile) -> str:
    """Return the sign of money or percent that stands beside the numbers of a column, such as €; empty if none does."""
    looked_at = dict(profile.values.most_common(_LOOKED_AT))
    found = {text: match for text in looked_at if (match := _SIGNED.fullmatch(text))}
    signs = {sign.casefold().rstrip("."): sign for match in found.values() for sign in match.groups() if sign}
    signed = sum(looked_at[text] for text in found)
    others = Counter({text: rows for text, rows in looked_at.items() if text not in found})
    is_signed = len(signs) == 1 and 2 * profile.numbers < profile.known and are_numbers(signed, others)
    return next(iter(signs.values())) if is_signed else ""


def _is_numeric(profile: Profile) -> bool:
    return not profile.are_codes and are_numbers(profile.numbers, profile.others)


def _truth_of(profile: Profile) -> dict[str, bool]:
    """Return what the words of a column of two truth values mean; empty if it is none."""
    known = {text.casefold() for text in profile.values}
    if known & _YES and known & _NO and known <= _YES | _NO and len(profile.values) <= 10:
        return {text: text.casefold() in _YES for text in profile.values}
    return {}


def _boolean(profile: Profile, words: dict[str, bool]) -> Field:
    is_plain = {parsing.canonical(text) for text in words} <= {"0", "1"}
    values = {} if is_plain else words
    why = "" if is_plain else " and ".join(f"{word} is {str(meaning).lower()}" for word, meaning in words.items())
    return Field(profile.name, "bool", profile.missing > 0, words[_commonest(profile)], values=values, why=why)


def _category(profile: Profile) -> Decision:
    if all(text[:1] in "[{" for text in profile.values):
        return LeftOut(profile.name, "lists or objects", remedy="write how many entries there are, or one of them")
    if max(map(len, profile.values)) > _LONGEST_LEVEL or profile.distinct_share >= _ID_SHARE:
        return LeftOut(profile.name, "free text")
    if len(profile.values) > MOST_LEVELS:
        return _many_levels(profile)
    levels = tuple(sorted(profile.values))
    example, why = _commonest(profile), f"{len(levels)} levels"
    if sign := _find_sign(profile):
        why += f"; numbers with {sign}: write them without it in the table, if amounts count"
    return Field(profile.name, "Literal", profile.missing > 0, example, levels=levels, why=why)


def _number(profile: Profile) -> Field:
    nulls = tuple(text for text in profile.others if not re.search(r"\d", text))
    largest = max(profile.high, -profile.low)
    high = round_bound(largest) if largest else 1
    low = 0 if profile.low >= 0 else -high
    why = f"{profile.low:,g} to {profile.high:,g} in the table"
    if nulls:
        why += f"; unknown is written {', '.join(nulls)}"
    return Field(
        profile.name,
        "int" if profile.are_whole else "float",
        profile.missing > 0 or bool(nulls),
        _median(profile),
        bounds=(low, high),
        nulls=nulls,
        why=why,
    )


def _commonest(profile: Profile) -> str:
    return profile.values.most_common(1)[0][0]


def _median(profile: Profile) -> float:
    """Return the median of the kept values with three digits, so that it is no customer's own value."""
    read = ((profile.number(text), rows) for text, rows in profile.values.items())
    pairs = sorted((number, rows) for number, rows in read if number is not None)
    numbers, above = np.array([number for number, _ in pairs]), np.cumsum([rows for _, rows in pairs])
    median = float(f"{numbers[np.searchsorted(above, above[-1] / 2)]:.3g}")
    return round(median) if profile.are_whole else median
