"""Addresses of MLflow's pages about a run."""

import shlex

from models.addresses import redact_passwords

_DEFAULT = "sqlite:///var/mlflow.db"
"""The database that `make mlflow` shows unless MLFLOW_TRACKING_URI names another."""
_CLASSICAL = "workflowType=machine_learning"
"""MLflow 3 opens its GenAI pages, unless an address asks for these or the browser has switched to them before."""


def run(experiment_id: str, run_id: str, *, tab: str = "") -> str:
    """Return the address of a run's page without the server; `tab` is a path below it, as `/artifacts/folds.csv`."""
    return f"#/experiments/{experiment_id}/runs/{run_id}{tab}?{_CLASSICAL}"


def invitation(uri: str, page: str) -> str:
    """Say how to open a page of MLflow: its address, and before it the command that shows a database."""
    if uri.startswith(("http://", "https://")):
        return f"{redact_passwords(uri).rstrip('/')}/{page}"
    if uri.startswith("databricks"):
        return f"{uri}: {page}"
    database = "" if uri == _DEFAULT else f"MLFLOW_TRACKING_URI={shlex.quote(redact_passwords(uri))} "
    return f"{database}make mlflow, then http://localhost:5001/{page}"
