"""Draws the customers who get no offer, so that the effect of offers can be measured: always the same customers."""

import hashlib
from functools import cached_property

from service.model.predictor import PredictionBatch

_BYTES = 6
_PLACES = float(1 << 8 * _BYTES)


class Holdout:
    """A share of the customers, drawn by a hash of `customer_id` with a name; another name draws other customers."""

    def __init__(self, *, fraction: float, name: str) -> None:
        self._fraction, self._name = fraction, name

    def draw(self, predicted: PredictionBatch) -> PredictionBatch:
        """Return the predictions with the draw of each customer; None for a customer without an id."""
        names = (getattr(customer, "customer_id", None) for customer in predicted.customers)
        return predicted._replace(held_out=[None if name is None else self.has(name) for name in names])

    def has(self, customer_id: str) -> bool:
        """Return whether a customer is held out; 1 µs. The customers of a smaller share are among those of a larger.

        >>> Holdout(fraction=0.1, name="2026").has("C-1047"), Holdout(fraction=0.9, name="2026").has("C-1047")
        (False, True)
        """
        own = self._keyed.copy()  # faster than to begin with the name
        own.update(customer_id.encode())
        return int.from_bytes(own.digest()) < self._fraction * _PLACES

    @cached_property
    def _keyed(self) -> "hashlib.blake2b":
        return hashlib.blake2b(key=self._name.encode(), digest_size=_BYTES, person=b"holdout")
