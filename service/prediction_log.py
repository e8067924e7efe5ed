"""Where every answered prediction goes, for whoever later asks what was predicted and whether it came true.

Knows nothing of how it is kept.
"""

from typing import Protocol

from service.predictor import Predicted


class PredictionLog(Protocol):
    """Takes predictions from any thread, and returns at once."""

    def put(self, predicted: Predicted) -> None:
        """Take the predictions of one request."""


class NoLog:
    """Keeps nothing."""

    def put(self, predicted: Predicted) -> None:
        """Forget them."""
