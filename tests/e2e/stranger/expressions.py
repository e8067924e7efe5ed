"""Expressions of workflows, `${{ ... }}`: the part of the language that the workflows use, and an error for the rest.

https://docs.github.com/actions/reference/evaluate-expressions-in-workflows-and-actions
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w-]*)|(?P<sign>\|\||&&|==|!=|[!().]))"
)
WORDS = {"true": True, "false": False, "null": None}
STATUS = re.compile(r"\b(always|cancelled|failure|success)\(\)")
PLACE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)

Functions = Mapping[str, Callable[[], bool]]


class NotUnderstood(ValueError):
    """The expression uses something that this reader does not know; a guess would be no proof."""


def fill(text: str, contexts: Mapping[str, Any]) -> str:
    """Replace each `${{ }}` in a text."""
    return PLACE.sub(lambda found: as_text(evaluate(found[1], contexts)), text)


def holds(condition: str, contexts: Mapping[str, Any], functions: Functions) -> bool:
    """Evaluate an `if`, with `success()` before it as GitHub has it where it names no status."""
    inner = PLACE.fullmatch(condition.strip())
    condition = inner[1] if inner else condition
    if not STATUS.search(condition) and not functions["success"]():
        return False
    return is_true(evaluate(condition, contexts, functions))


def evaluate(expression: str, contexts: Mapping[str, Any], functions: Functions | None = None) -> Any:
    """Return the value of an expression.

    Raises:
        NotUnderstood: it is of a kind that is not read here.
    """
    reader = _Reader(_tokens(expression), contexts, functions or {})
    value = reader.either()
    if reader.tokens:
        raise NotUnderstood(f"{expression!r} at {reader.tokens[0][1]!r}")
    return value


def is_true(value: Any) -> bool:
    """Whether a value counts as true: not so are false, 0, the empty text and null."""
    return value not in (False, 0, "", None) and not (isinstance(value, float) and math.isnan(value))


def as_text(value: Any) -> str:
    """Write a value as GitHub does where it becomes a text."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tokens(expression: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while expression[at:].strip():
        match = TOKEN.match(expression, at)
        if match is None or match.lastgroup is None:
            raise NotUnderstood(f"{expression!r} at {expression[at:]!r}")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def _are_equal(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    if type(one) is type(other):
        return bool(one == other)
    return _number(one) == _number(other)  # values of two kinds are compared as numbers


def _number(value: Any) -> float:
    if value is None or value == "":
        return 0.0
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


class _Reader:
    """Reads tokens from left to right: `||` binds least, then `&&`, `==`, `!`."""

    def __init__(self, tokens: list[tuple[str, str]], contexts: Mapping[str, Any], functions: Functions) -> None:
        self.tokens, self._contexts, self._functions = tokens, contexts, functions

    def either(self) -> Any:
        value = self.both()
        while self._take("||"):
            other = self.both()
            value = value if is_true(value) else other
        return value

    def both(self) -> Any:
        value = self.compared()
        while self._take("&&"):
            other = self.compared()
            value = other if is_true(value) else value
        return value

    def compared(self) -> Any:
        value = self.single()
        while self.tokens and self.tokens[0][1] in ("==", "!="):
            sign = self.tokens.pop(0)[1]
            value = _are_equal(value, self.single()) == (sign == "==")
        return value

    def single(self) -> Any:
        if self._take("!"):
            return not is_true(self.single())
        if self._take("("):
            value = self.either()
            self._need(")")
            return value
        kind, word = self.tokens.pop(0) if self.tokens else ("end", "")
        if kind == "text":
            return word[1:-1].replace("''", "'")
        if kind == "number":
            return float(word) if "." in word else int(word)
        if kind == "name":
            return self._named(word)
        raise NotUnderstood(f"nothing begins with {word!r}")

    def _named(self, word: str) -> Any:
        if word in WORDS:
            return WORDS[word]
        if self._take("("):
            self._need(")")
            if word not in self._functions:
                raise NotUnderstood(f"{word}() is not known here")
            return self._functions[word]()
        if word not in self._contexts:
            raise NotUnderstood(f"the context {word} is not known here")
        value = self._contexts[word]
        while self._take("."):
            _, name = self.tokens.pop(0)
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def _take(self, sign: str) -> bool:
        if self.tokens and self.tokens[0] == ("sign", sign):
            self.tokens.pop(0)
            return True
        return False

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            raise NotUnderstood(f"there is no {sign!r} where one has to be")
