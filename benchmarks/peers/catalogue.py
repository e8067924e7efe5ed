"""The peers: the command that starts each with the pinned booster, and its request for the same customer.

Each gets the row already encoded as the model's matrix, so that no peer has to encode.
"""

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import StartFailed
from benchmarks.measuring.contenders import PORT, Contender
from models.features import CONTRACT


@dataclass(frozen=True)
class Setting:
    """The inputs of a peer."""

    programs: Path
    """Folder of programs of its environment."""
    booster: Path
    row: list[float]
    """The encoded customer."""
    expected: float
    """The customer's probability."""
    folder: Path
    """Empty folder for its files."""


def with_mlflow(setting: Setting) -> Contender:
    """Return `mlflow models serve` with a saved model."""
    model, save = setting.folder / "model", ("-m", "benchmarks.peers.mlflow_model")
    command = [str(setting.programs / "python"), *save, str(setting.booster), str(model)]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode:
        raise StartFailed(server="MLflow", problem=done.stderr[-300:])
    return Contender(
        "mlflow models serve",
        (
            *(str(setting.programs / "mlflow"), "models", "serve", "--model-uri", str(model), "--port", PORT),
            *("--host", "127.0.0.1", "--env-manager", "local", "--workers", "1"),
        ),
        path="/invocations",
        body=_json({"dataframe_split": {"columns": CONTRACT.matrix_columns, "data": [setting.row]}}),
        expected=setting.expected,
        # MLflow finds uvicorn on the PATH.
        environment={"PATH": f"{setting.programs}:/usr/bin:/bin"},
    )


def with_mlserver(setting: Setting) -> Contender:
    """Return `mlserver start` with a model-settings.json, without its pool of processes."""
    described = {
        "name": "churn",
        "implementation": "mlserver_xgboost.XGBoostModel",
        "parameters": {"uri": str(setting.booster)},
    }
    (setting.folder / "model-settings.json").write_text(json.dumps(described))
    data = {"name": "rows", "shape": [1, len(setting.row)], "datatype": "FP32", "data": setting.row}
    return Contender(
        "MLServer",
        (str(setting.programs / "mlserver"), "start", str(setting.folder)),
        path="/v2/models/churn/infer",
        body=_json({"inputs": [data], "outputs": [{"name": "predict_proba"}]}),
        expected=setting.expected,
        environment={
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": PORT,
            "MLSERVER_GRPC_PORT": "0",
            "MLSERVER_METRICS_PORT": "0",
            "MLSERVER_PARALLEL_WORKERS": "0",
            "MLSERVER_DEBUG": "false",
        },
    )


def with_bentoml(setting: Setting) -> Contender:
    """Return `bentoml serve` with a service class."""
    serve = ("serve", "benchmarks.peers.bentoml_server:Churn", "--host", "127.0.0.1", "--port", PORT)
    return Contender(
        "BentoML",
        (str(setting.programs / "bentoml"), *serve),
        body=_json({"rows": [setting.row]}),
        expected=setting.expected,
        environment={
            "CHURN_BOOSTER": str(setting.booster),
            "BENTOML_HOME": str(setting.folder),
            "BENTOML_DO_NOT_TRACK": "true",
        },
    )


def with_litserve(setting: Setting) -> Contender:
    """Return a LitServe server program."""
    return Contender(
        "LitServe",
        (str(setting.programs / "python"), "-m", "benchmarks.peers.litserve_server", PORT),
        body=_json({"rows": [setting.row]}),
        expected=setting.expected,
        environment={"CHURN_BOOSTER": str(setting.booster)},
    )


PEERS: Mapping[str, Callable[[Setting], Contender]] = {
    "mlflow": with_mlflow,
    "mlserver": with_mlserver,
    "bentoml": with_bentoml,
    "litserve": with_litserve,
}
"""Name of the requirements file to the peer."""


def _json(body: object) -> bytes:
    return json.dumps(body).encode()
