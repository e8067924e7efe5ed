"""How a file of text is written: separators, decimal sign, encoding, and words for unknown."""

import re
from datetime import datetime
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

_SPACES = " \u00a0\u202f"
"""A program that separates thousands by a space writes one of these."""


def _one_character(text: str) -> str:
    if len(text) != 1 or text in "\r\n":
        raise ValueError("give one character")
    return text


def _known_encoding(name: str) -> str:
    try:
        "".encode(name)
    except LookupError as error:
        raise ValueError(f"{name!r} is not an encoding; give one such as cp1252") from error
    return name


Character = Annotated[str, AfterValidator(_one_character)]


class CsvFormat(BaseModel):
    """The section `[csv]` of a columns file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delimiter: Character | None = None
    """Between two cells; by default a comma, and in a .tsv file a tab."""
    quote: Character = '"'
    encoding: Annotated[str, AfterValidator(_known_encoding)] | None = None
    """By default UTF-8; a byte order mark decides in any case."""
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    nulls: list[str] = Field(default_factory=list)
    """More texts that mean unknown in every column, besides those of `models.customer.parsing`."""
    time: str | None = None
    """How dates and times are written, as `%d.%m.%Y`; by default ISO 8601."""

    @model_validator(mode="after")
    def _signs_differ(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same sign")
        return self

    def plain_number(self, text: str) -> str | None:
        """Write a number with a decimal point and no other sign; None if `text` is not written as declared.

        By default every text is returned unchanged.

        >>> CsvFormat(decimal=",", thousands=".").plain_number("1.234,50")
        '1234.50'
        """
        if self._pattern is None:
            return text
        if not self._pattern.fullmatch(text):
            return None
        for sign in self._thousands_signs:
            text = text.replace(sign, "")
        return text.replace(self.decimal, ".")

    def iso_time(self, text: str | None) -> str | None:
        """Write a time that has the declared format as ISO 8601; return any other text unchanged."""
        try:
            return datetime.strptime(text, self.time).isoformat() if text and self.time else text  # noqa: DTZ007  # UTC
        except ValueError:
            return text

    @property
    def _thousands_signs(self) -> str:
        return _SPACES if self.thousands == " " else self.thousands

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        """What a number looks like; None if Python's way of writing is the declared one."""
        if self.decimal == "." and not self.thousands:
            return None
        grouped = rf"\d{{1,3}}(?:[{re.escape(self._thousands_signs)}]\d{{3}})+|" if self.thousands else ""
        return re.compile(rf"[+-]?(?:{grouped}\d+)(?:{re.escape(self.decimal)}\d*)?(?:[eE][+-]?\d+)?")
