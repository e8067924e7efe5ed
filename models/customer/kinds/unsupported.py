"""Says why a field's type is no kind of value that a contract has, and what to declare instead."""

from datetime import date, datetime, time, timedelta
from typing import Any, get_origin

_DATE = (
    "a date is no feature: it only ever grows, so a model would get dates that it never learned from. Declare the time "
    'since then, Annotated[float, declaration.Age("days")] with bounds; the columns file makes it from a date'
)
_DURATION = (
    'a length of time is a number in one unit: declare Annotated[float, declaration.Age("days")], or a float with a '
    "unit"
)
_TEXT = (
    "free text is no feature: a category has all values that may come, as Literal['basic', 'pro'], or learns them in "
    "training, as Annotated[str, declaration.Category(max=200)]. Make any other text a number in the table, such as "
    "its length"
)
_LIST = (
    "a list or an object is no feature, since a feature has one value. Make a number of it in the table, such as how "
    "many entries it has, or a bool for each entry that matters"
)
_REASONS: dict[Any, str] = {
    **dict.fromkeys((date, datetime), _DATE),
    **dict.fromkeys((timedelta, time), _DURATION),
    **dict.fromkeys((str, bytes), _TEXT),
    **dict.fromkeys((list, tuple, set, frozenset, dict), _LIST),
}


def reason(annotation: Any) -> str:
    """Return why a type is not supported."""
    return _REASONS.get(get_origin(annotation) or annotation, f"{annotation} is not int, float, bool or Literal")
