"""Trains, evaluates and publishes models, scores files, and decides which model serves."""

import os

# MLflow sends usage statistics to its makers from the moment of its import, unless this variable is set.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
