"""The booster under LitServe, as its documentation shows it: `python -m benchmarks.peers.litserve_server PORT`."""

import os
import sys
from typing import Any

import litserve  # type: ignore[import-not-found]  # lives in an environment of its own
import numpy as np
import xgboost as xgb


class Churn(litserve.LitAPI):  # type: ignore[misc]  # as above
    """One booster."""

    def setup(self, device: str) -> None:  # noqa: ARG002  # LitServe passes it
        """Load the model."""
        self.booster = xgb.Booster(model_file=os.environ["CHURN_BOOSTER"])

    def decode_request(self, request: dict[str, Any]) -> np.ndarray:
        """Read rows of the model's matrix."""
        return np.array(request["rows"], dtype=np.float32)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Score the rows."""
        scores: np.ndarray = self.booster.inplace_predict(x)
        return scores

    def encode_response(self, output: np.ndarray) -> dict[str, Any]:
        """Return the scores as JSON values."""
        return {"scores": output.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Churn(), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, generate_client_file=False, log_level="warning"
    )
