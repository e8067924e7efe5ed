"""The usual implementation: FastAPI, a plain function, and a scikit-learn pipeline over a DataFrame of one row.

The trees have the same parameters as the service's; only the code around them differs.
"""

import os
import uuid
from datetime import UTC, datetime
from pathlib import Path

import joblib
import pandas as pd
from fastapi import FastAPI
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier

from models.bundles.risk import RiskPolicy
from models.features import CONTRACT, CustomerFeatures
from service.http.schemas import Prediction
from training.data import synthetic
from training.learning.model import PARAMETERS

CATEGORIES = ["contract_type"]
NUMBERS = [name for name in CONTRACT.names if name not in CATEGORIES]
PIPELINE_VARIABLE = "PLAIN_PIPELINE"


def fit(to: Path) -> None:
    """Fit the pipeline on the synthetic customers, and save it to a file."""
    customers, _ = synthetic.sample(20_000, seed=7)
    encode = ColumnTransformer([("numbers", StandardScaler(), NUMBERS), ("categories", OneHotEncoder(), CATEGORIES)])
    pipeline = Pipeline([("encode", encode), ("classify", XGBClassifier(**PARAMETERS, n_jobs=1))])
    joblib.dump(pipeline.fit(customers[list(CONTRACT.names)], customers["churned"]), to)


def create_app() -> FastAPI:
    """Create the app with the pipeline from the file that PLAIN_PIPELINE names."""
    app, policy = FastAPI(), RiskPolicy()
    pipeline: Pipeline = joblib.load(os.environ[PIPELINE_VARIABLE])

    @app.post("/predict")
    def predict(customer: CustomerFeatures) -> Prediction:
        """Predict whether one customer leaves."""
        probability = float(pipeline.predict_proba(pd.DataFrame([customer.model_dump()]))[0, 1])
        return Prediction(
            prediction_id=uuid.uuid4().hex,
            churn_probability=probability,
            churn_prediction=policy.churns(probability),
            risk_tier=policy.tier(probability),
            model_version="plain",
            prediction_timestamp=datetime.now(UTC),
        )

    return app
