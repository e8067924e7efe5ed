"""HTTP service (FastAPI) that predicts the probability of churn of customers."""

__version__ = "0.1.0"
