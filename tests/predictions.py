"""Predictions in a log, as if a service had made them."""

import secrets
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Engine

from models import row_ids
from models.records import PREDICTIONS


def add(engine: Engine, made_at: datetime, *, rows: int) -> list[str]:
    """Add so many, and return their ids."""
    time = row_ids.time_digits(int(made_at.timestamp() * 1000))
    ids = [f"{time}{secrets.token_hex(10)}" for _ in range(rows)]
    same = {
        "made_at": made_at,
        "model_version": "v1",
        "churn_probability": 0.5,
        "churn_prediction": True,
        "risk_tier": "low",
    }
    with engine.begin() as connection:
        connection.execute(sa.insert(PREDICTIONS), [{"prediction_id": identity} | same for identity in ids])
    return ids
