"""Routes each request to the champion or to a canary.

A `shadow` answers no request: it scores the answered customers later. A `canary` answers a share of the customers with
a `customer_id`. A hash of the id decides, so the same id always gets the same model.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from models.answer_counts import CUSTOMER_GROUPS
from models.bundles import pins
from service.customers import Customer
from service.model.predictor import PredictionBatch, Predictor

_BYTES = 6
_NUMBERS = 1 << 8 * _BYTES
"""The number of customers without an id; those of all others are lower."""


@dataclass(frozen=True)
class Challenger:
    """A challenger model with its pin."""

    named: pins.Challenger
    predictor: Predictor

    @cached_property
    def limit(self) -> float:
        """A canary answers customers whose number is below it: always the same ones, and more as its share grows."""
        return self.named.share * _NUMBERS

    def draw(self, customer: Customer) -> int:
        """Return the random number of a customer."""
        return _NUMBERS if customer.customer_id is None else _number(self._salted, customer.customer_id)

    @cached_property
    def _salted(self) -> hashlib.blake2b:
        return _salt(self.named.version)


@dataclass(frozen=True)
class ModelRouter:
    """The models that are served at one time; safe to share between threads."""

    champion: Predictor
    challenger: Challenger | None = None

    def predict(
        self,
        customers: Sequence[Customer],
        *,
        explain: bool = False,
        requests: int = 1,
        on_failure: Callable[[str, int], None] | None = None,
    ) -> Sequence[PredictionBatch]:
        """Predict each customer with its model, and return the predictions of each model.

        `requests` is the number of requests that the customers came in: one, or as many as there are customers. Beside
        a canary, each model is timed. If it raises an error for a request of a customer with an id, `on_failure` gets
        its version and the customer's group; without an id, chance does not decide who answers.

        Raises:
            BoosterUnreadable: a model can predict but cannot explain.
        """
        if (canary := self._canary) is None:
            return (self.champion.predict(customers, explain=explain),)
        numbers, limit = list(map(canary.draw, customers)), canary.limit
        own = [number < limit for number in numbers]
        if len(set(own)) == 1:
            groups = _groups(numbers, requests)
            return (self._timed(customers, groups, canary=own[0], explain=explain, on_failure=on_failure),)
        parts = []
        for is_canary in (False, True):
            places = [at for at, one in enumerate(own) if one is is_canary]
            some, groups = [customers[at] for at in places], _groups([numbers[at] for at in places], requests)
            predicted = self._timed(some, groups, canary=is_canary, explain=explain, on_failure=on_failure)
            parts.append(predicted._replace(places=places))
        return parts

    @property
    def tried(self) -> pins.Challenger | None:
        """The challenger as it is pinned."""
        return self.challenger.named if self.challenger else None

    @cached_property
    def shadow(self) -> Predictor | None:
        """The shadow, which scores the same customers later; None if there is none."""
        return self.challenger.predictor if self.challenger and self.challenger.named.mode == "shadow" else None

    @cached_property
    def _canary(self) -> Challenger | None:
        return self.challenger if self.challenger and self.challenger.named.mode == "canary" else None

    def _timed(
        self,
        customers: Sequence[Customer],
        groups: Sequence[int],
        *,
        canary: bool,
        explain: bool,
        on_failure: Callable[[str, int], None] | None,
    ) -> PredictionBatch:
        model = self._canary.predictor if self._canary and canary else self.champion
        try:
            return model.predict(customers, explain=explain, groups=groups)
        except Exception:
            if on_failure is not None:
                for group in groups:
                    on_failure(model.manifest.version, group)
            raise


def place(customer_id: str, version: str) -> float:
    """Return the position of a customer in [0, 1), uniform and independent for each version.

    >>> round(place("C-1047", "20260301-1a2b3c4d"), 4), round(place("C-1047", "20260302-5e6f7a8b"), 4)
    (0.9628, 0.8498)
    """
    return _number(_salt(version), customer_id) / _NUMBERS


def _salt(version: str) -> hashlib.blake2b:
    return hashlib.blake2b(f"{version}\t".encode(), digest_size=_BYTES)


def _number(salted: hashlib.blake2b, customer_id: str) -> int:
    own = salted.copy()  # takes half the time of hashing the salt again
    own.update(customer_id.encode())
    return int.from_bytes(own.digest())


def _groups(numbers: Sequence[int], requests: int) -> list[int]:
    """Return the random group of each request: that of its first customer with an id; none without ids.

    The lowest bits of a number are independent of the highest ones, which decide who answers.
    """
    return [number % CUSTOMER_GROUPS for number in numbers if number < _NUMBERS][:requests]
