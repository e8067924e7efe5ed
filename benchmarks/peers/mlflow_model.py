"""Saves the booster as an MLflow model: `python -m benchmarks.peers.mlflow_model BOOSTER FOLDER`."""

import sys

import mlflow.xgboost
import xgboost as xgb

if __name__ == "__main__":
    mlflow.xgboost.save_model(xgb.Booster(model_file=sys.argv[1]), sys.argv[2], model_format="ubj")
