"""`python -m service` as a process of its own."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from models.features import CONTRACT
from service.settings import AccessSettings, HoldoutSettings, ListenSettings, NoteSettings, Settings
from tests.waiting import wait_until

FORBIDDEN = (
    "alembic cloudpickle dill evidently joblib matplotlib mlflow monitoring onnx onnxmltools pandas pyarrow "
    "skl2onnx sklearn skops sqlalchemy training"
)
WITHOUT_THEM = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1:]:
            raise ImportError(f"{name} is not for the service")

sys.meta_path.insert(0, Refuse())
from models.features import CONTRACT
from service.app import create_app
from starlette.testclient import TestClient

with TestClient(create_app(), base_url="http://localhost") as client:
    assert client.post("/predict", json=CONTRACT.example).status_code == 200
    assert client.post("/predict/batch", json={"customers": [CONTRACT.example]}).status_code == 200
    assert not {"scipy", "xgboost"} & set(sys.modules), "plain predictions wait for a library of explanations"
    assert client.post("/predict?explain=true", json=CONTRACT.example).status_code == 200
    assert "xgboost" in sys.modules
"""


def test_it_predicts_where_the_jobs_libraries_are_absent(root: Path) -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_THEM, *FORBIDDEN.split()], cwd=root, check=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_it_answers_and_stops_when_told(launch: Callable[..., Any], workers: int) -> None:
    service = launch("--workers", str(workers))
    status, _ = service.ask("POST", "/predict", json.dumps(CONTRACT.example))
    lines = [json.loads(line) for line in service.stop()]

    assert status == 200
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    assert any("serving model" in line["message"] for line in lines)
    assert any("Started parent process" in line["message"] for line in lines) is (workers > 1)


def test_a_client_that_leaves_halfway_is_no_failure_of_ours(launch: Callable[..., Any]) -> None:
    service = launch()
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(head + b"{")
    counted = 'http_requests_total{method="POST",route="/predict",status="400"} 1.0'
    wait_until(lambda: counted in service.ask("GET", "/metrics")[1])
    assert {json.loads(line)["level"] for line in service.stop()} == {"info"}


def test_flags_reach_the_app(launch: Callable[..., Any], tmp_path: Path) -> None:
    service = launch("--models-dir", str(tmp_path))
    status, body = service.ask("GET", "/health/ready")
    [error] = [line for line in map(json.loads, service.stop()) if line["level"] == "error"]

    assert status == 503
    assert "pinned.json" in json.loads(body)["detail"]
    assert str(tmp_path) in error["message"]


def test_there_are_few_settings_of_a_kind() -> None:
    kinds = (ListenSettings, AccessSettings, NoteSettings, HoldoutSettings, Settings)
    fields = [0, *(len(kind.model_fields) for kind in kinds)]
    assert all(0 < after - before <= 12 for before, after in pairwise(fields))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_taken_port_is_told_with_the_remedy(root: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "service", "--port", str(port), "--workers", workers]
        result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert result.stderr == f"port {port} is taken; choose another with SERVICE_PORT\n"


def test_an_address_of_another_machine_is_told_with_the_remedy(root: Path) -> None:
    command = [sys.executable, "-m", "service", "--host", "192.0.2.1", "--allow-anonymous"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert result.stderr.startswith("192.0.2.1 port 8000: ")
    assert "SERVICE_HOST" in result.stderr


def test_the_benchmark_prints_time_and_memory(root: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.startup", "--runs", "1"]
    lines = subprocess.run(command, cwd=root, capture_output=True, check=True, text=True).stdout.splitlines()

    for line, name in zip(lines[-2:], ("start to ready, s", "resident after 200 predictions, MB"), strict=True):
        median, least, most, _target = map(float, line.removeprefix(name).split())
        assert 0 < least == median == most
