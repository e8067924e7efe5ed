"""Exports a fitted model as an ONNX graph, and checks that both give the same probabilities."""

from pathlib import Path

import numpy as np
import onnxmltools
from onnxmltools.convert.common.data_types import FloatTensorType
from xgboost import XGBClassifier

from models.bundles.calibration import Calibration
from models.bundles.risk import RiskPolicy
from models.bundles.scorer import Scorer
from models.customer.contract import Matrix, Vector
from models.errors import ParityError

PARITY_LIMIT = 1e-5
_OPSET = 15  # the newest that onnxmltools 1.16 writes for tree ensembles


def write_models(classifier: XGBClassifier, *, width: int, graph: Path, booster: Path) -> None:
    """Write a fitted classifier over (n, width) float32 as an ONNX graph and in XGBoost's own format.

    Equal classifiers give equal bytes: the converter's random graph name is replaced.
    """
    inputs = [("matrix", FloatTensorType([None, width]))]
    converted = onnxmltools.convert_xgboost(classifier, initial_types=inputs, target_opset=_OPSET)
    converted.graph.name = "churn"
    graph.write_bytes(converted.SerializeToString())
    classifier.save_model(booster)


def check_parity(probability: Vector, graph: Path, matrix: Matrix, calibration: Calibration) -> float:
    """Score rows as the service does, and return the largest difference from the fitted model's probabilities.

    Raises:
        ParityError: the difference exceeds 1e-5.
    """
    scorer = Scorer(graph, version="unpublished", policy=RiskPolicy(), calibration=calibration)
    difference = float(np.abs(scorer.score(matrix) - probability).max())
    if not difference <= PARITY_LIMIT:
        raise ParityError(difference=difference, limit=PARITY_LIMIT, rows=len(matrix))
    return difference
