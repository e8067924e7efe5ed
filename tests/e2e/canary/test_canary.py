"""A canary that fails or is slow is withdrawn by its own requests: with a real service, Prometheus and command line."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from demo.client import Client, Refused
from models.bundles import pin_history, pins
from models.features import CONTRACT
from service.model.model_router import place
from tests.e2e.test_prometheus import Prometheus, service_in
from tests.service.stores import publish
from tests.waiting import wait_until

UNLUCKY = 37
"""Value of the first feature for which one of the models raises an error."""
SHARE, OF_CHAMPION, OF_CANARY = 0.02, 1_940, 60
WIDTH, PRODUCTS = 2_048, 200


def fail_sometimes(graph: onnx.GraphProto) -> None:
    """Let the graph raise an error: at one value, it divides 0 by 0, and the result is no integer."""
    first = np.eye(len(CONTRACT.matrix_columns), 1, dtype=np.float32)
    _add(graph, "first", first)
    _add(graph, "unlucky", np.array([UNLUCKY], dtype=np.float32))
    _append(
        graph,
        helper.make_node("MatMul", ["known", "first"], ["value"]),
        helper.make_node("Sub", ["value", "unlucky"], ["distance"]),
        helper.make_node("Div", ["distance", "distance"], ["one"]),
        helper.make_node("Cast", ["one"], ["text"], to=TensorProto.STRING),
        helper.make_node("Cast", ["text"], ["number"], to=TensorProto.INT32),
        helper.make_node("Cast", ["number"], ["factor"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["trees", "factor"], ["probabilities"]),
    )


def take_long(graph: onnx.GraphProto) -> None:
    """Let the graph add nothing to its probabilities, which takes 800 million multiplications."""
    for name, shape in {
        "wider": (len(CONTRACT.matrix_columns), WIDTH),
        "same": (WIDTH, WIDTH),
        "narrow": (WIDTH, 2),
    }.items():
        _add(graph, name, np.zeros(shape, dtype=np.float32))
    _append(
        graph,
        helper.make_node("MatMul", ["known", "wider"], ["product-0"]),
        *(helper.make_node("MatMul", [f"product-{at}", "same"], [f"product-{at + 1}"]) for at in range(PRODUCTS)),
        helper.make_node("MatMul", [f"product-{PRODUCTS}", "narrow"], ["nothing"]),
        helper.make_node("Add", ["trees", "nothing"], ["probabilities"]),
    )


def _add(graph: onnx.GraphProto, name: str, values: np.ndarray) -> None:
    graph.initializer.append(numpy_helper.from_array(values, name))


def _append(graph: onnx.GraphProto, *nodes: onnx.NodeProto) -> None:
    graph.node[0].output[1] = "trees"
    _add(graph, "zero", np.array([0], dtype=np.float32))
    known = helper.make_node("Where", ["unknown", "zero", "matrix"], ["known"])
    graph.node.extend([helper.make_node("IsNaN", ["matrix"], ["unknown"]), known, *nodes])


class Trial:
    """A service with Prometheus, and the commands of somebody who tries models on it."""

    def __init__(self, shelf: Path, folder: Path, port: int, prometheus: Prometheus) -> None:
        self.shelf, self._folder, self._port, self.prometheus = shelf, folder, port, prometheus
        self._url = f"http://127.0.0.1:{port}"

    def run(self, *words: object, exit_code: int = 0) -> str:
        command = [sys.executable, "-m", "training", *map(str, words), "--models-dir", str(self.shelf)]
        command += ["--output-dir", str(self._folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def begin(self, version: str) -> None:
        self.run("challenge", version, "--mode", "canary", "--share", SHARE)
        wait_until(lambda: (self._model()["challenger"] or {}).get("version") == version)
        series = f'increase(churn_model_failures_total{{model_version="{version}",customer_group="0"}}[1m])'
        wait_until(lambda: self.prometheus.values(series))

    def advance(self, exit_code: int) -> str:
        address = f"http://127.0.0.1:{self.prometheus.port}"
        log = f"sqlite:///{self._folder / 'predictions.db'}"
        return self.run("advance", "--prometheus-url", address, "--log-url", log, exit_code=exit_code)

    def send(self, version: str) -> int:
        """Ask for the customers of both models, and return how many answers were 500; half are unlucky."""
        names = (f"C-{number}" for number in count())
        of_canary = list(islice((name for name in names if place(name, version) < SHARE), OF_CANARY))
        of_champion = list(islice((name for name in names if place(name, version) >= SHARE), OF_CHAMPION))
        failed = answered = 0
        with closing(Client(self._url)) as client:
            for at, name in enumerate(of_champion + of_canary):
                value = UNLUCKY if at % 2 else UNLUCKY + 1
                try:
                    client.predict(CONTRACT.example | {CONTRACT.names[0]: value, "customer_id": name})
                    answered += at >= OF_CHAMPION
                except Refused as error:
                    failed += error.status == 500
        counted = f'sum(churn_model_answer_seconds_count{{model_version="{version}"}}) == {answered}'
        wait_until(lambda: self.prometheus.values(counted))
        return failed

    def count(self, query: str) -> float:
        [value] = self.prometheus.values(query)
        return value

    def show(self, root: Path, panel: str) -> dict[str, float]:
        """What a panel of Grafana's dashboard shows of each model."""
        dashboard = json.loads((root / "monitoring" / "grafana" / "dashboards" / "churn_service.json").read_text())
        [query] = [target["expr"] for one in dashboard["panels"] if one["title"] == panel for target in one["targets"]]
        found = self.prometheus.get("/api/v1/query", query=query.replace("$__rate_interval", "5m"))["result"]
        return {one["metric"]["model_version"]: float(one["value"][1]) for one in found}

    def _model(self) -> dict[str, dict[str, object] | None]:
        found: dict[str, dict[str, object] | None] = httpx.get(f"{self._url}/model", timeout=30).json()
        return found


@pytest.fixture
def trial(root: Path, tmp_path: Path) -> Iterator[Trial]:
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    shelf = shutil.copytree(root / "models", tmp_path / "models")
    with service_in(tmp_path, shelf) as port:
        addresses = {"service": f"127.0.0.1:{port}", "monitor": "127.0.0.1:9"}
        prometheus = Prometheus(root / "monitoring" / "prometheus", tmp_path, addresses)
        try:
            yield Trial(shelf, tmp_path, port, prometheus)
        finally:
            prometheus.stop()


@pytest.mark.slow
@pytest.mark.prometheus
def test_a_bad_canary_is_withdrawn_by_its_own_requests_where_the_service_as_a_whole_is_well(
    trial: Trial, tmp_path: Path, root: Path
) -> None:
    failing = publish(trial.shelf, tmp_path / "failing", fail_sometimes).manifest.version
    slow = publish(trial.shelf, tmp_path / "slow", take_long).manifest.version
    champion = pins.read(trial.shelf).version

    trial.begin(failing)
    told = trial.advance(exit_code=0)
    assert "stays at 2% of the customers: it got no request with a customer_id since this step began" in told
    assert trial.send(failing) == OF_CANARY / 2
    assert trial.count(f'sum(churn_model_failures_total{{model_version="{failing}"}})') == OF_CANARY / 2
    failed = 'sum(http_requests_total{status=~"5.."}) / sum(http_requests_total{method="POST"})'
    assert trial.count(failed) == 0.015
    assert trial.show(root, "Failed requests by model") == {champion: 0, failing: pytest.approx(0.5)}
    requests = trial.show(root, "Requests beside a canary")
    assert requests[failing] / requests[champion] == pytest.approx(OF_CANARY / OF_CHAMPION)
    told = trial.advance(exit_code=1)
    assert f"canary {failing} is withdrawn from 2% of the customers: " in told
    assert "requests failed since this step began, and 0 of the champion's" in told

    trial.begin(slow)
    assert trial.send(slow) == 0
    slowness = trial.show(root, "Slow answers by model")
    assert slowness[slow] > slowness[champion]
    told = trial.advance(exit_code=1)
    assert f"canary {slow} is withdrawn from 2% of the customers: " in told
    assert "requests took longer than 0.01 s since this step began, and " in told
    pin = pins.read(trial.shelf)
    assert (pin.version, pin.challenger) == (champion, None)
    assert [change.change for change in pin_history.read(trial.shelf).changes[-4:]] == ["challenge", "withdraw"] * 2
