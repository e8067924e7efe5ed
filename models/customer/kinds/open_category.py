"""Open categories: texts whose levels are learned in training.

    country: Annotated[str, declaration.Category(max=200)] = Field(examples=["DE"])

An open category is one column of the matrix: the rank of the level by its frequency in the training rows. The rare
levels share one code. A level that was never seen in training is unknown, or refused if the field says so.
"""

from dataclasses import dataclass
from typing import Any, cast

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from models.customer import parsing
from models.customer.kinds.learned_levels import LONGEST, Unseen

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
            return _checked(_require)
        nullable = declared["type"] == "nullable" and declared["schema"]["type"] == "str"
        return core_schema.nullable_schema(_checked(_read)) if nullable else declared  # `derive` refuses other types


def _checked(check: Any) -> CoreSchema:
    schema = core_schema.no_info_after_validator_function(check, core_schema.str_schema(strict=True))
    described = {"metadata": {"pydantic_js_functions": [lambda _, describe: describe(_JSON_SCHEMA)]}}
    return cast(CoreSchema, schema | described)


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
