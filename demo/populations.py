"""The calm population, which is like the training data, and the shifted one, with other customers and churn reasons.

This module defines the type and the two synthetic populations.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from demo import synthetic_customers
from models.customer.contract import Mask, Vector
from models.customer.feature import Feature
from models.features import CONTRACT
from training.data import synthetic

LabelledCustomers = tuple[pd.DataFrame, Mask]
"""Customers in the contract's columns, and whether each churns, (n,)."""


@dataclass(frozen=True)
class Customer:
    """A customer that is sent to the service, and the outcome."""

    features: dict[str, Any]
    churned: bool


@dataclass(frozen=True)
class Population:
    """A population of customers: its name, its description in words, and a function of number and seed."""

    name: str
    told: str
    draw: Callable[[int, int], LabelledCustomers]

    def customers(self, number: int, *, seed: int) -> list[Customer]:
        """Draw `number` customers with their outcomes."""
        table, churned = self.draw(number, seed)
        columns = ([_plain(feature, value) for value in table[feature.name]] for feature in CONTRACT.features)
        rows = (dict(zip(CONTRACT.names, row, strict=True)) for row in zip(*columns, strict=True))
        return [Customer(*pair) for pair in zip(rows, churned.tolist(), strict=True)]


def _plain(feature: Feature, value: Any) -> Any:
    """Convert a table's value to the JSON value that the API expects; integers are never written as 4.0."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    plain = value.item() if isinstance(value, np.generic) else value
    whole = feature.kind in ("integer", "category") and isinstance(plain, float)
    return int(plain) if whole else plain


def _synthetic(
    draw: Callable[..., pd.DataFrame], churn_probability: Callable[[pd.DataFrame], Vector]
) -> Callable[[int, int], LabelledCustomers]:
    def drawn(number: int, seed: int) -> LabelledCustomers:
        table = draw(number, seed=seed)
        chance = np.random.default_rng([seed, 1])  # independent of the generator that drew the customers
        return table, chance.random(number) < churn_probability(table)

    return drawn


def _other_reasons(customers: pd.DataFrame) -> Vector:
    """Compute churn probabilities as if contracts bound nobody, and as if loyal customers left instead of new ones."""
    reversed_tenure = 72 - customers["tenure_months"]
    return synthetic.churn_probability(customers.assign(contract_type=0, tenure_months=reversed_tenure))


CALM = Population(
    "calm",
    "customers like the training data",
    _synthetic(synthetic_customers.calm, synthetic.churn_probability),
)
SHIFTED = Population(
    "shifted",
    "customers after a price rise, half of them moved to a month-to-month contract",
    _synthetic(synthetic_customers.shifted, _other_reasons),
)
