"""Metrics of notes and of the language model that writes them."""

from collections.abc import Mapping
from functools import cache
from typing import Literal, get_args

from service.metrics.registry import Registry

Source = Literal["template", "model", "cache"]
"""Where a note came from; the cache holds texts of the model."""
NoteFailure = Literal[
    "timeout", "unreachable", "status", "redirect", "unreadable", "unusable", "budget", "busy", "pause"
]
"""Why the template wrote a note instead of the model: no answer in time, no connection, an error status, a redirect, an
answer of another form, a text that breaks a rule, no tokens left, too many calls at once, a pause after a failure."""
TokenKind = Literal["prompt", "completion", "unreported"]
"""Tokens that the model reported, or the most that a call may have used that reported none."""
_BUCKETS_SECONDS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 30)


class NoteMetrics:
    """Metrics of the notes of one app."""

    def __init__(self, registry: Registry) -> None:
        notes = registry.counter("churn_notes", "Notes by who wrote them.", ["source"])
        failures = registry.counter("churn_note_failures", "Notes that the model did not write.", ["reason"])
        tokens = registry.counter("churn_note_tokens", "Tokens of the model that writes notes.", ["kind"])
        self._notes, self._failures, self._tokens = (cache(each.labels) for each in (notes, failures, tokens))
        self._call_seconds = registry.histogram(
            "churn_note_model_seconds", "Time of a call of the model, failures included.", buckets=_BUCKETS_SECONDS
        )
        for source in get_args(Source):  # starts at 0, so that the first count is an increase
            self._notes(source)
        for reason in get_args(NoteFailure):
            self._failures(reason)
        for kind in get_args(TokenKind):
            self._tokens(kind)

    def count_note(self, source: Source) -> None:
        """Count a note."""
        self._notes(source).inc()

    def count_note_failure(self, reason: NoteFailure) -> None:
        """Count a note that the model should have written."""
        self._failures(reason).inc()

    def count_note_call(self, seconds: float, tokens: Mapping[TokenKind, int]) -> None:
        """Count a call of the model by its time and its tokens."""
        self._call_seconds.observe(seconds)
        for kind, used in tokens.items():
            self._tokens(kind).inc(used)
