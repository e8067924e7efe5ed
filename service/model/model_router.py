"""Who answers: the champion, and beside it perhaps a challenger that is tried.

A `shadow` answers nobody: it scores what was answered, later. A `canary` answers a share of the customers who have a
name, each of them always, by a hash of the name.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from models.bundles import pins
from service.customers import Customer
from service.model.predictor import Predicted, Predictor

_BYTES = 6
_PLACES = float(1 << 8 * _BYTES)


@dataclass(frozen=True)
class Challenger:
    """A model that is tried, and how."""

    named: pins.Challenger
    predictor: Predictor

    def answers(self, customer: Customer) -> bool:
        """Tell whether a canary answers a customer: always the same customers, and more of them as its share grows."""
        name = customer.customer_id
        return name is not None and place(name, self.named.version) < self.named.share


@dataclass(frozen=True)
class ModelRouter:
    """The models of one moment; safe to share between threads."""

    champion: Predictor
    challenger: Challenger | None = None

    def predict(self, customers: Sequence[Customer], *, explain: bool = False) -> Sequence[Predicted]:
        """Predict each customer by the model that answers it, and return what each of these models said.

        Raises:
            BoosterUnreadable: a model predicts, but cannot explain.
        """
        if self._canary is None:
            return (self.champion.predict(customers, explain=explain),)
        own = [self._canary.answers(customer) for customer in customers]
        if len(set(own)) == 1:
            return (self._model(canary=own[0]).predict(customers, explain=explain),)
        return [self._predict_some(customers, own, canary=canary, explain=explain) for canary in (False, True)]

    @property
    def tried(self) -> pins.Challenger | None:
        """What the pin says of the challenger."""
        return self.challenger.named if self.challenger else None

    @cached_property
    def shadow(self) -> Predictor | None:
        """What scores the same customers later."""
        return self.challenger.predictor if self.challenger and self.challenger.named.mode == "shadow" else None

    @cached_property
    def _canary(self) -> Challenger | None:
        return self.challenger if self.challenger and self.challenger.named.mode == "canary" else None

    def _model(self, *, canary: bool) -> Predictor:
        return self._canary.predictor if self._canary and canary else self.champion

    def _predict_some(
        self, customers: Sequence[Customer], own: Sequence[bool], *, canary: bool, explain: bool
    ) -> Predicted:
        places = [at for at, is_canary in enumerate(own) if is_canary is canary]
        predicted = self._model(canary=canary).predict([customers[at] for at in places], explain=explain)
        return predicted._replace(places=places)


def place(customer_id: str, version: str) -> float:
    """Return where in [0, 1) a customer stands among all for a version; for another version, anywhere else.

    >>> round(place("C-1047", "20260301-1a2b3c4d"), 4), round(place("C-1047", "20260302-5e6f7a8b"), 4)
    (0.9628, 0.8498)
    """
    digest = hashlib.blake2b(f"{version}\t{customer_id}".encode(), digest_size=_BYTES).digest()
    return int.from_bytes(digest) / _PLACES
