"""A seeded synthetic population of customers with known true churn probabilities.

The rates are plausible, not measured. The columns are those of the shipped contract in `models.features`.
"""

import numpy as np
import pandas as pd

from models.customer.contract import Vector


def sample(rows: int, *, seed: int) -> tuple[pd.DataFrame, Vector]:
    """Sample customers with their outcomes.

    Returns the contract's columns and `churned`, and the (n,) true probabilities that the outcomes were drawn from.
    """
    rng = np.random.default_rng(seed)
    customers = _draw_customers(rng, rows)
    probability = churn_probability(customers)
    customers["churned"] = (rng.random(rows) < probability).astype(np.int64)
    return customers, probability


def churn_probability(customers: pd.DataFrame) -> Vector:
    """Compute each customer's true probability of churn, (n,) in (0, 1)."""
    tenure = customers["tenure_months"].to_numpy()
    monthly = customers["monthly_charges"].to_numpy()
    tickets = np.minimum(customers["support_tickets"].to_numpy(), 6)
    contract = customers["contract_type"].to_numpy()
    unbound, bound_longest = contract == 0, contract == 2
    log_odds = (
        -3.0
        + 1.1 * unbound
        - 1.3 * bound_longest
        + 1.3 * np.exp(-tenure / 10)
        + 0.30 * tickets
        + 0.55 * tickets * (tenure < 12)
        + 0.025 * np.maximum(monthly - 60, 0) * ~bound_longest
        + 0.9 * (unbound & (monthly > 85))
    )
    return np.asarray(1 / (1 + np.exp(-log_odds)), dtype=np.float64)


def _draw_customers(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    tenure = np.floor(73 * rng.beta(0.8, 1.1, rows)).astype(np.int64)
    plan = rng.choice(3, size=rows, p=[0.25, 0.35, 0.40])
    mean, spread = np.array([24.0, 62.0, 92.0]), np.array([4.0, 11.0, 10.0])
    monthly = np.clip(rng.normal(mean[plan], spread[plan]), 18, 130).round(2)
    billed = np.maximum((tenure * monthly * rng.uniform(0.92, 1.04, rows)).round(2), monthly)
    loyalty = rng.random(rows) + tenure / 90
    contract = np.digitize(loyalty, [0.85, 1.15]).astype(np.int64)
    tickets = rng.poisson(rng.gamma(0.9, 0.9, rows) * (1 + 0.4 * (plan == 2)))
    return pd.DataFrame(
        {
            "tenure_months": tenure,
            "monthly_charges": monthly,
            "total_charges": np.where(tenure == 0, np.nan, billed),
            "support_tickets": tickets,
            "contract_type": contract,
        },
        copy=False,
    )
