"""The empty endpoint: FastAPI with the service's own request and response models, computing nothing."""

from datetime import UTC, datetime

from fastapi import FastAPI

from models.features import CustomerFeatures
from service.http.schemas import Prediction

ANSWER = Prediction(
    prediction_id="1f0c6c58d0e94f0fa4d3f6a3a4f1c2d7",
    churn_probability=0.921718418598175,
    churn_prediction=True,
    risk_tier="high",
    model_version="20260301-1a2b3c4d5e6f708192a3b4c5d6e7f809",
    prediction_timestamp=datetime(2026, 3, 1, 12, 0, 0, 123_456, UTC),
)

app = FastAPI()


@app.post("/predict")
async def predict(customer: CustomerFeatures) -> Prediction:  # noqa: ARG001  # FastAPI checks it
    """Return a constant answer."""
    return ANSWER
