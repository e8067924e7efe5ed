"""Two states of the world: the one that the model learned from, and the one after the business changed.

Each sends customers of its own, and lets them leave for reasons of its own; here are those of the synthetic population.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from demo import synthetic_customers
from models.customer.contract import Feature, Mask, Vector
from models.features import CONTRACT
from training.data import synthetic

Drawn = tuple[pd.DataFrame, Mask]
"""Customers in the contract's columns, and which of them leave, (n,)."""


@dataclass(frozen=True)
class Customer:
    """One who is sent to the service, and what becomes of him."""

    features: dict[str, Any]
    churned: bool


@dataclass(frozen=True)
class Population:
    """A name, who its customers are in words, and how a number of them is drawn with a seed."""

    name: str
    told: str
    draw: Callable[[int, int], Drawn]

    def customers(self, number: int, *, seed: int) -> list[Customer]:
        """Draw so many, each with an outcome."""
        table, churned = self.draw(number, seed)
        columns = ([_plain(feature, value) for value in table[feature.name]] for feature in CONTRACT.features)
        rows = (dict(zip(CONTRACT.names, row, strict=True)) for row in zip(*columns, strict=True))
        return [Customer(*pair) for pair in zip(rows, churned.tolist(), strict=True)]


def _plain(feature: Feature, value: Any) -> Any:
    """Take a value out of a table as the API wants it: there, a whole number is never written as 4.0."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    plain = value.item() if isinstance(value, np.generic) else value
    whole = feature.kind in ("integer", "category") and isinstance(plain, float)
    return int(plain) if whole else plain


def _synthetic(
    draw: Callable[..., pd.DataFrame], churn_probability: Callable[[pd.DataFrame], Vector]
) -> Callable[[int, int], Drawn]:
    def drawn(number: int, seed: int) -> Drawn:
        table = draw(number, seed=seed)
        chance = np.random.default_rng([seed, 1])  # another one than that of the customers
        return table, chance.random(number) < churn_probability(table)

    return drawn


def _other_reasons(customers: pd.DataFrame) -> Vector:
    """No contract holds anybody any more, and over the price it is the loyal who leave, not the new."""
    reversed_tenure = 72 - customers["tenure_months"]
    return synthetic.churn_probability(customers.assign(contract_type=0, tenure_months=reversed_tenure))


CALM = Population(
    "calm",
    "customers like those it learned from, and what became of them",
    _synthetic(synthetic_customers.calm, synthetic.churn_probability),
)
SHIFTED = Population(
    "shifted",
    "customers after a price rise, half of them without a long contract, and what became of them",
    _synthetic(synthetic_customers.shifted, _other_reasons),
)
