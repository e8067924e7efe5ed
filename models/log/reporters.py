"""Names of reporters: who reported an outcome. A client of the service has the name of its API key."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

MAX_LENGTH = 64
ANONYMOUS, IMPORT, UNKNOWN = "anonymous", "import", "unknown"
"""A client of a service without keys, a file without another name, and outcomes from before reporters were stored."""
RESERVED = (ANONYMOUS, IMPORT, UNKNOWN)
"""Names that no API key may have."""
Trusted = frozenset[str] | None
"""Reporters whose outcomes count; None for all."""


def _check(name: str) -> str:
    if not (0 < len(name) <= MAX_LENGTH and name.isprintable() and name == name.strip() and "," not in name):
        raise PydanticCustomError("reporter", "a reporter is a name of 1 to 64 characters without a comma, as crm")
    return name


def _check_all(text: str) -> str:
    return ",".join(dict.fromkeys(_check(name.strip()) for name in text.split(",")))


def _all_if_empty(value: Any) -> Any:
    return value or None


Reporter = Annotated[str, AfterValidator(_check)]
"""A setting that is one reporter."""
Reporters = Annotated[Annotated[str, AfterValidator(_check_all)] | None, BeforeValidator(_all_if_empty)]
"""A setting that lists reporters, as text: crm,billing. None or an empty text is all of them."""


def parse(text: str | None) -> Trusted:
    """Read `Reporters`.

    >>> sorted(parse("crm,billing"))
    ['billing', 'crm']
    """
    return frozenset(text.split(",")) if text else None
