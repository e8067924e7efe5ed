"""Makes field names from the names of a table's columns."""

import builtins
import keyword
import re
import unicodedata
from collections.abc import Sequence

from models.columns.origins import TARGET
from models.customer.declaration import Features

_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LONGEST = 50
_RESERVED = {TARGET, "customer_id", "declaration", *dir(builtins), *keyword.kwlist, *keyword.softkwlist, *dir(Features)}
"""The contract's, Python's and pydantic's own names."""


def snake(column: str) -> str:
    """Write a name in lower-case ASCII words; empty if nothing is left.

    >>> [snake(name) for name in ("MonthlyCharges", "StreamingTV", "Größe (m²)", " Avg. bill/€ ", "Возраст")]
    ['monthly_charges', 'streaming_tv', 'groesse_m2', 'avg_bill', '']
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", column).translate(_GERMAN))
    words = _WORD_BEGINS.sub("_", plain.encode("ascii", "ignore").decode())
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:_LONGEST].strip("_")


def fields(columns: Sequence[str]) -> list[str]:
    """Return a different valid field name for each column.

    >>> fields(["Plan", "plan", "class", "2nd call", "customerID", "Возраст"])
    ['plan', 'plan_2', 'class_value', 'column_2nd_call', 'customer_id_value', 'column_6']
    """
    found: list[str] = []
    taken = set(_RESERVED)
    for number, column in enumerate(columns, start=1):
        name = snake(column) or f"column_{number}"
        if name[0].isdigit():
            name = f"column_{name}"
        if name in _RESERVED:
            name = f"{name}_value"
        free, again = name, 1
        while free in taken:
            again += 1
            free = f"{name}_{again}"
        taken.add(free)
        found.append(free)
    return found
