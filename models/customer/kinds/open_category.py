"""Open categories: texts whose levels are learned in training.

    country: Annotated[str, declaration.Category(max=200)] = Field(examples=["DE"])

An open category is one column of the matrix: the rank of the level by its frequency in the training rows. The rare
levels share one code. A level that was never seen in training is unknown, or refused if the field says so.
"""

from collections.abc import Container
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema
from pydantic_core.core_schema import ValidationInfo

from models.customer import parsing
from models.customer.kinds.learned_levels import LONGEST, Unseen

KNOWN_LEVELS = "known_levels"
"""Entry of a validation's context: the levels of each field that refuses all others; without it, none is refused."""
_JSON_SCHEMA = core_schema.str_schema(min_length=1, max_length=LONGEST)


@dataclass(frozen=True)
class Category:
    """Annotation of a text that is an open category."""

    max: int
    """Number of levels that get a code of their own: the most frequent ones."""
    unseen: Unseen = "unknown"
    """Whether a level that was never seen in training is predicted as unknown, or refused."""

    @property
    def problem(self) -> str | None:
        """What is wrong with the declaration; None if nothing is."""
        if isinstance(self.max, bool) or not isinstance(self.max, int) or not 1 <= self.max <= 10_000:
            return "Category(max=...) must be a whole number from 1 to 10,000"
        return None if self.unseen in ("unknown", "refused") else 'unseen must be "unknown" or "refused"'

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        declared = handler(source)
        if declared["type"] == "str":
            return _checked(_require, self.unseen)
        nullable = declared["type"] == "nullable" and declared["schema"]["type"] == "str"
        if not nullable:
            return declared  # `derive` refuses other types
        return core_schema.nullable_schema(_checked(_read, self.unseen))


def _checked(check: Any, unseen: Unseen) -> CoreSchema:
    text = core_schema.str_schema(strict=True)
    described: dict[str, Any] = {"pydantic_js_functions": [lambda _, describe: describe(_JSON_SCHEMA)]}
    if unseen == "refused":
        return core_schema.with_info_after_validator_function(partial(_known, check), text, metadata=described)
    return core_schema.no_info_after_validator_function(check, text, metadata=described)


def _known(check: Any, text: str, info: ValidationInfo) -> str | None:
    level: str | None = check(text)
    known: Container[str] | None = ((info.context or {}).get(KNOWN_LEVELS) or {}).get(info.field_name)
    if level is not None and known is not None and level not in known:
        raise PydanticKnownError("literal_error", {"expected": "a level that was seen in training"})
    return level


def _read(text: str) -> str | None:
    """Return the level that a text of a request names, as `parsing.read` does for a cell of a table."""
    level = parsing.level(text)
    if text and not level:
        return None
    if not text:
        raise PydanticKnownError("string_too_short", {"min_length": 1})
    if len(level or "") > LONGEST:
        raise PydanticKnownError("string_too_long", {"max_length": LONGEST})
    return level


def _require(text: str) -> str:
    if (level := _read(text)) is None:
        raise PydanticCustomError("level_missing", "Input should be a level, and not a text that stands for unknown")
    return level
