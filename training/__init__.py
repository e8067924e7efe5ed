"""The first job: data in; an evaluated, logged, published bundle out."""

import os

# MLflow reports its use to its makers from the moment it is imported, unless it was told not to.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
