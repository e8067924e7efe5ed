"""Routes each request to the champion or to a canary.

A `shadow` answers no request: it scores the answered customers later. A `canary` answers a share of the customers with
a `customer_id`. A hash of the id decides, so the same id always gets the same model.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from time import perf_counter

from models.answer_counts import CUSTOMER_GROUPS
from models.bundles import pins
from service.customers import Customer
from service.model.predictor import PredictionBatch, Predictor

_BYTES = 6
_PLACES = float(1 << 8 * _BYTES)


@dataclass(frozen=True)
class Challenger:
    """A challenger model with its pin."""

    named: pins.Challenger
    predictor: Predictor

    def answers(self, customer: Customer) -> bool:
        """Return whether a canary answers a customer: always the same ones, and more of them as its share grows."""
        name = customer.customer_id
        return name is not None and place(name, self.named.version) < self.named.share


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
        if self._canary is None:
            return (self.champion.predict(customers, explain=explain),)
        own = [self._canary.answers(customer) for customer in customers]
        if len(set(own)) == 1:
            return (self._timed(customers, own[0], explain=explain, requests=requests, on_failure=on_failure),)
        parts = []
        for canary in (False, True):
            places = [at for at, is_canary in enumerate(own) if is_canary is canary]
            some = [customers[at] for at in places]
            predicted = self._timed(some, canary, explain=explain, requests=requests, on_failure=on_failure)
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
        canary: bool,  # noqa: FBT001
        *,
        explain: bool,
        requests: int,
        on_failure: Callable[[str, int], None] | None,
    ) -> PredictionBatch:
        model = self._canary.predictor if self._canary and canary else self.champion
        groups = self._groups(customers, requests)
        began = perf_counter()
        try:
            predicted = model.predict(customers, explain=explain)
        except Exception:
            if on_failure is not None:
                for group in groups:
                    on_failure(model.manifest.version, group)
            raise
        return predicted._replace(seconds=perf_counter() - began, groups=groups)

    def _groups(self, customers: Sequence[Customer], requests: int) -> list[int]:
        """Return the random group of each request: that of its first customer with an id; none without ids."""
        salt = f"{self._canary.named.version} group" if self._canary else ""
        names = (customer.customer_id for customer in customers if customer.customer_id is not None)
        return [int(place(name, salt) * CUSTOMER_GROUPS) for name in islice(names, requests)]


def place(customer_id: str, version: str) -> float:
    """Return the position of a customer in [0, 1), uniform and independent for each version.

    >>> round(place("C-1047", "20260301-1a2b3c4d"), 4), round(place("C-1047", "20260302-5e6f7a8b"), 4)
    (0.9628, 0.8498)
    """
    digest = hashlib.blake2b(f"{version}\t{customer_id}".encode(), digest_size=_BYTES).digest()
    return int.from_bytes(digest) / _PLACES
