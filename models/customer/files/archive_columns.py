"""The columns that exported weeks of the log gained since their first version; files with and without are one table."""

from collections.abc import Sequence

GAINED = ("held_out", "offer", "offered_at", "offer_reported_by")


def lacks(older: Sequence[str], names: Sequence[str]) -> bool:
    """Return whether a file has all of these columns in this order, but those that exported weeks gained.

    A column of the log that has the name of a feature begins with `log_`. The feature itself must not be missing.

    >>> lacks(["prediction_id", "age"], ["prediction_id", *GAINED, "age"])
    True
    >>> lacks(["prediction_id"], ["prediction_id", *GAINED, "age"])
    False
    """
    if len(names) != len(older) + len(GAINED):
        return False
    more = [name for name in names if name not in older]
    kept = [name for name in names if name in older]
    return kept == list(older) and [name.removeprefix("log_") for name in more] == list(GAINED)
