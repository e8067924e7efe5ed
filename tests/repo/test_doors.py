"""Only the listed modules of a program import its heavy libraries."""

import ast
from pathlib import Path

import pytest

DOORS = {
    "dask": ["training/partitioned/cluster/clients.py"],
    "distributed": ["training/partitioned/cluster/clients.py", "training/partitioned/cluster/dask_cluster.py"],
    "evidently": ["monitoring/runs/dashboard.py", "monitoring/runs/report.py"],
    "fairlearn": ["training/data/slices.py"],
    "mlflow": [
        "training/promotion/mlflow_registry.py",
        "training/publishing/lineage.py",
        "training/publishing/tracking.py",
    ],
    "onnxruntime": ["models/bundles/scorer.py"],
    "optuna": ["training/learning/tuning.py"],
    "prometheus_client": ["monitoring/telemetry.py", "service/metrics/registry.py"],
    "xgboost": ["models/bundles/explainer.py"],
}
AT_HOME = {"xgboost": "training"}
"""The program that is about a library, and so has no door to it."""
PACKAGES = {"models", "service", "training", "monitoring", "demo"}


def imported(source: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(("library", "doors"), DOORS.items())
def test_only_its_door_imports_a_heavy_library(library: str, doors: list[str], root: Path, files: list[Path]) -> None:
    modules = [path for path in files if path.suffix == ".py" and path.parts[0] in PACKAGES - {AT_HOME.get(library)}]
    assert [path.as_posix() for path in modules if library in imported((root / path).read_text())] == doors
