"""Synthetic customers of the shipped contract: calm ones, like the training data, and shifted ones."""

import numpy as np
import pandas as pd

from models.features import CONTRACT
from training.data import synthetic
from training.errors import SourceUnreadable

_OTHERS = "these customers have only the fields of the template, and models/features.py has others"
SHIFTED_COLUMNS = ("monthly_charges", "contract_type")
"""The main columns that the shift changes."""


def calm(rows: int, *, seed: int) -> pd.DataFrame:
    """Draw customers from the population of the training data.

    Raises:
        SourceUnreadable: the contract has other fields than the shipped one.
    """
    customers = synthetic.sample(rows, seed=seed)[0]
    if not set(CONTRACT.names) <= set(customers.columns):
        raise SourceUnreadable(source="synthetic", problem=_OTHERS)
    return customers[list(CONTRACT.names)]


def shifted(rows: int, *, seed: int) -> pd.DataFrame:
    """Draw customers after a price rise of 12 USD, half of them moved to a month-to-month contract."""
    customers = calm(rows, seed=seed)
    moved = np.random.default_rng(seed).random(rows) < 0.5
    customers["monthly_charges"] = (customers["monthly_charges"] + 12).round(2)
    customers["total_charges"] = customers["total_charges"].clip(lower=customers["monthly_charges"])
    customers.loc[moved, "contract_type"] = 0
    return customers
