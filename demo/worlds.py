"""Two states of the world: the one that the model learned from, and the one after the business changed.

Each sends customers of its own, and lets them leave for reasons of its own. Knows nothing of HTTP.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from demo import traffic
from models.contract import Vector
from training import synthetic


@dataclass(frozen=True)
class Customer:
    """One who is sent to the service, and what becomes of him."""

    features: dict[str, Any]
    churned: bool


@dataclass(frozen=True)
class World:
    """A name, customers, and their true probabilities of churn, (n,) in (0, 1)."""

    name: str
    draw: Callable[..., pd.DataFrame]
    churn_probability: Callable[[pd.DataFrame], Vector]

    def customers(self, number: int, *, seed: int) -> list[Customer]:
        """Draw so many, each with an outcome."""
        table = self.draw(number, seed=seed)
        chance = np.random.default_rng([seed, 1])  # another one than that of the customers
        churned = chance.random(number) < self.churn_probability(table)
        rows = json.loads(table.to_json(orient="records"))
        return [Customer(*pair) for pair in zip(rows, churned.tolist(), strict=True)]


def _other_reasons(customers: pd.DataFrame) -> Vector:
    """No contract holds anybody any more, and over the price it is the loyal who leave, not the new."""
    reversed_tenure = 72 - customers["tenure_months"]
    return synthetic.churn_probability(customers.assign(contract_type=0, tenure_months=reversed_tenure))


CALM = World("calm", traffic.calm, synthetic.churn_probability)
SHIFTED = World("shifted", traffic.shifted, _other_reasons)
