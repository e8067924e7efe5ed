"""Predictions in a log, as if a service had made them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from models.bundles.risk import RiskPolicy
from models.log.log_tables import PREDICTIONS
from service import random_ids


def draw_ids(at: datetime, count: int) -> list[str]:
    """Return so many ids of a time, as the service draws them."""
    return random_ids.draw_ids(int(at.timestamp() * 1000), count)


def row(
    features: Mapping[Any, Any] | None, probability: float, *, at: datetime, version: str, policy: RiskPolicy
) -> dict[str, Any]:
    """Write a prediction as a row of the table."""
    return {
        "prediction_id": draw_ids(at, 1)[0],
        "made_at": at,
        "model_version": version,
        "features": features,
        "churn_probability": probability,
        "churn_prediction": policy.churns(probability),
        "risk_tier": policy.tier(probability),
    }


def add(engine: Engine, made_at: datetime, *, rows: int) -> list[str]:
    """Add so many that are alike, and return their ids."""
    made = [row(None, 0.5, at=made_at, version="v1", policy=RiskPolicy()) for _ in range(rows)]
    with engine.begin() as connection:
        connection.execute(sa.insert(PREDICTIONS), made)
    return [one["prediction_id"] for one in made]
