"""Scores customers with ONNX Runtime: from an encoded matrix to calibrated probabilities.

The service, training's checks and all later comparisons score with this code.
"""

from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime as ort

from models import plain_text
from models.bundles.bundle import Bundle
from models.bundles.calibration import Calibration
from models.bundles.format import graph_structure
from models.bundles.format.bundle_files import GRAPH
from models.bundles.risk import RiskPolicy
from models.customer.contract import Contract, Matrix, Vector
from models.errors import GraphUnreadable, ProbeFailed

_SORTED_ROWS = 100
"""Number of rows from which on sorting them takes less time than it saves."""
_ROUNDING = 1e-4  # float32 may lead a little out of the range of probabilities


class Scorer:
    """The scorer of one model; safe to share between threads."""

    def __init__(
        self,
        graph: Path,
        *,
        version: str,
        policy: RiskPolicy,
        calibration: Calibration,
        content: bytes | None = None,
    ) -> None:
        """Open a graph; `content` is that of the file, if it was read already.

        Raises:
            GraphUnreadable: ONNX Runtime cannot open the file, or must not.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            content = graph.read_bytes() if content is None else content
            graph_structure.check(content)
            self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            [given] = self._session.get_inputs()
        except Exception as error:  # ONNX Runtime's own exceptions share no narrower base
            raise GraphUnreadable(path=graph, problem=plain_text.first_line(error)) from error
        self._input = given.name
        # The method of the session checks what `check` has tried already, and takes a fifth of the time of one row.
        self._run_graph = self._session._sess.run  # noqa: SLF001  # as of ONNX Runtime 1.27; a test scores
        self._calibrate = calibration.function()
        self.version = version
        self.policy = policy

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """Open the graph of a verified bundle."""
        manifest = bundle.manifest
        return cls(
            bundle.path(GRAPH),
            version=manifest.version,
            policy=manifest.policy,
            calibration=manifest.calibration,
            content=bundle.read(GRAPH),
        )

    def score(self, matrix: Matrix) -> Vector:
        """Return the calibrated probability of churn of each row, (n,) float64 in [0, 1]."""
        if len(matrix) < _SORTED_ROWS:
            return self._run(matrix)
        # Similar rows take the same branches, so sorted rows are a quarter faster: the processor predicts the branches.
        order = np.lexsort(matrix.T)
        probabilities = np.empty(len(matrix))
        probabilities[order] = self._run(matrix[order])
        return probabilities

    def check(self, contract: Contract) -> None:
        """Check the graph's probabilities of the contract's example, and of its smallest and largest values.

        Raises:
            ProbeFailed: it raises an error, or its results are not the probabilities of two classes.
        """
        try:
            for matrix in (rows := _corners(contract), rows[:1]):
                self._check(matrix)
        except Exception as error:  # any error here would also fail requests
            raise ProbeFailed(version=self.version, problem=plain_text.first_line(error)) from error

    def _check(self, matrix: Matrix) -> None:
        found = self._session.run(["probabilities"], {self._input: matrix})[0]
        if not isinstance(found, np.ndarray) or found.shape != (len(matrix), 2) or found.dtype.kind != "f":
            shape = getattr(found, "shape", type(found).__name__)
            raise ValueError(f"for {len(matrix)} customers, its result has the shape {shape}")
        inside = ((found > -_ROUNDING) & (found < 1 + _ROUNDING)).all()
        if not inside or (np.abs(found.sum(axis=1) - 1) > _ROUNDING).any():
            raise ValueError(f"its results are not the probabilities of two classes, but {found[0].tolist()}")
        if not ((calibrated := self.score(matrix)) >= 0).all() or (calibrated > 1).any():
            raise ValueError(f"its calibrated probability is {calibrated[0]}")

    def _run(self, matrix: Matrix) -> Vector:
        probabilities: np.ndarray = self._run_graph(["probabilities"], {self._input: matrix}, None)[0]
        return self._calibrate(probabilities[:, 1].astype(np.float64))


def _corners(contract: Contract) -> Matrix:
    """Encode four customers: the example, the smallest and the largest values, and all that may be unknown."""
    columns = {}
    for feature in contract.features:
        limits, example = feature.limits, feature.example
        if feature.categories:
            ends = [feature.categories[0], feature.categories[-1]]
        elif feature.kind == "boolean":
            ends = [False, True]
        elif feature.kind == "open_category":
            ends = [*(feature.kept_levels[:1] or [example]), *(tuple(feature.levels)[-1:] or [example])]
        else:
            ends = [limits.get("ge", limits.get("gt", example)), limits.get("le", limits.get("lt", example))]
        columns[feature.name] = [example, *ends, None if feature.nullable else example]
    return contract.to_matrix(columns)
