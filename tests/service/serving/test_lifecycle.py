"""The service as a process that is stopped, or gets another model, while clients keep sending requests."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.bundles import bundle, pins
from models.bundles.format import bundle_files
from models.features import CONTRACT
from service.model import predictor
from service.model.model_router import place
from tests.service.load import Load
from tests.service.stores import challenge, publish_another, withdraw
from tests.waiting import wait_until

VALID = json.dumps(CONTRACT.example).encode()
HEAD = (
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    % len(VALID)
)


def example_probability(shelf: Path, named: pins.BundleRef | None = None) -> tuple[str, float]:
    found = predictor.load(shelf, named)
    matrix = found.contract.to_matrix({name: [value] for name, value in CONTRACT.example.items()})
    return found.scorer.version, float(found.scorer.score(matrix)[0])


def test_sigterm_loses_no_request(launch: Callable[..., Any]) -> None:
    service = launch("--drain-seconds", "1")
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as halfway, Load.on(service.port) as load:
        halfway.sendall(HEAD + VALID[:10])
        wait_until(lambda: len(load.answers) > 200)
        told = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: service.ask("GET", "/health/ready")[0] == 503, seconds=1)
        assert service.ask("GET", "/health/live")[0] == 200
        assert service.ask("POST", "/predict", VALID.decode())[0] == 200
        wait_until(lambda: load.farewells == 8)
        time.sleep(max(0, told + 1.2 - time.monotonic()))  # the server itself has begun to end
        halfway.sendall(VALID[10:])
        with halfway.makefile("rb") as answer:
            assert b"churn_probability" in answer.read()
    service.process.wait(timeout=10)

    assert time.monotonic() - told < 10
    assert load.lost == []
    assert {status for status, _ in load.answers} == {200}
    assert service.process.returncode == 128 + signal.SIGTERM


def test_told_twice_it_still_drains_but_the_keyboard_ends_it_at_once(launch: Callable[..., Any]) -> None:
    service = launch("--drain-seconds", "5")
    for _ in range(2):
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: service.ask("GET", "/health/ready")[0] == 503)
    time.sleep(0.5)
    assert service.ask("POST", "/predict", VALID.decode())[0] == 200
    told = time.monotonic()
    service.stop(signal.SIGINT)

    assert time.monotonic() - told < 3


def test_a_signal_to_all_processes_drains_as_one_to_the_first(launch: Callable[..., Any]) -> None:
    service = launch("--workers", "2", "--drain-seconds", "1.5")
    wait_until(lambda: len(process_ids(service)) == 2)
    wait_until(lambda: service.ask("GET", "/health/ready")[0] == 200)
    told = time.monotonic()
    for process_id in (service.process.pid, *process_ids(service)):
        os.kill(process_id, signal.SIGTERM)
    service.process.wait(timeout=10)

    assert time.monotonic() - told > 1.5


def test_sighup_while_it_starts_does_no_harm(launch: Callable[..., Any]) -> None:
    service = launch(wait=False)
    time.sleep(0.1)  # for Python itself
    for _ in range(20):
        service.process.send_signal(signal.SIGHUP)
        time.sleep(0.05)
    service.wait()

    assert service.ask("GET", "/health/ready")[0] == 200


@pytest.mark.parametrize("signalled", [False, True], ids=["by the changed pin", "by SIGHUP"])
def test_under_load_a_new_model_takes_over_without_a_failed_request(
    launch: Callable[..., Any], shelf: Path, tmp_path_factory: pytest.TempPathFactory, *, signalled: bool
) -> None:
    first = bundle.load(shelf, contract=CONTRACT)
    second = publish_another(shelf, tmp_path_factory)
    expected = dict([example_probability(shelf)])
    service = launch("--models-dir", str(shelf))
    with Load.on(service.port) as load:
        for chosen in (second, first, second):
            bundle.pin(chosen, models_dir=shelf)
            expected |= dict([example_probability(shelf)])
            if signalled:
                service.process.send_signal(signal.SIGHUP)
            version = chosen.manifest.version
            wait_until(lambda: {body["model_version"] for _, body in load.answers[-1:]} == {version})  # noqa: B023

    assert load.lost == []
    assert {status for status, _ in load.answers} == {200}
    assert {body["model_version"] for _, body in load.answers} == set(expected)
    assert len(set(expected.values())) == len(expected) == 2
    assert all(body["churn_probability"] == expected[body["model_version"]] for _, body in load.answers)
    _, counted = service.ask("GET", "/metrics")
    assert f'churn_model_info{{model_version="{second.manifest.version}",role="champion"}} 1.0' in counted
    assert f'churn_model_info{{model_version="{first.manifest.version}",role="champion"}} 0.0' in counted
    assert "churn_model_swap_failures_total 0.0" in counted


def test_under_load_a_challenger_comes_changes_and_goes_without_a_failed_request(
    launch: Callable[..., Any], shelf: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first, second = pins.read(shelf), publish_another(shelf, tmp_path_factory)
    version = second.manifest.version
    name = next(name for name in map(str, range(100)) if 0.2 < place(name, version) < 0.6)
    expected = dict([example_probability(shelf), example_probability(shelf, bundle.name(second))])
    service = launch("--models-dir", str(shelf))
    with Load.on(service.port, customer_id=name) as load:
        for mode, share, answering in (
            ("canary", 0.6, version),
            ("canary", 0.2, first.version),
            ("canary", 0.7, version),
            ("shadow", 0.7, first.version),
            ("canary", 0.8, version),
        ):
            challenge(shelf, version, mode, share=share)  # type: ignore[arg-type]  # mypy widens the literals
            wait_until(lambda: load.answers[-1][1]["model_version"] == answering)  # noqa: B023
        withdraw(shelf)
        wait_until(lambda: load.answers[-1][1]["model_version"] == first.version)

    assert load.lost == []
    assert {status for status, _ in load.answers} == {200}
    assert {body["model_version"] for _, body in load.answers} == {first.version, version}
    assert all(body["churn_probability"] == expected[body["model_version"]] for _, body in load.answers)
    assert json.loads(service.ask("GET", "/health")[1])["status"] == "healthy"


def test_a_bad_model_changes_nothing_but_is_told_everywhere(
    launch: Callable[..., Any], shelf: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = bundle.load(shelf, contract=CONTRACT)
    second = publish_another(shelf, tmp_path_factory)
    published = second.path(bundle_files.GRAPH).read_bytes()
    service = launch("--models-dir", str(shelf))
    with Load.on(service.port) as load:
        second.path(bundle_files.GRAPH).write_bytes(published[:-1])
        bundle.pin(second, models_dir=shelf)
        wait_until(lambda: json.loads(service.ask("GET", "/health")[1])["status"] == "degraded")
        health = json.loads(service.ask("GET", "/health")[1])
        _, counted = service.ask("GET", "/metrics")
        ready, _ = service.ask("GET", "/health/ready")
        assert {body["model_version"] for _, body in load.answers} == {first.manifest.version}
        second.path(bundle_files.GRAPH).write_bytes(published)  # the rest of it has arrived
        wait_until(lambda: load.answers[-1][1]["model_version"] == second.manifest.version)

    assert health["model_loaded"]
    assert bundle_files.GRAPH in health["reason"]
    assert ready == 200
    assert "churn_model_pinned 0.0" in counted
    assert "churn_model_loaded 1.0" in counted
    assert "churn_model_swap_failures_total 1.0" in counted
    assert load.lost == []
    assert {status for status, _ in load.answers} == {200}
    assert json.loads(service.ask("GET", "/health")[1])["status"] == "healthy"
    [refused] = [line for line in map(json.loads, service.lines()) if line["level"] == "error"]
    assert f"model {first.manifest.version} is served" in refused["message"]


def test_a_service_without_a_model_takes_the_first_that_is_pinned(launch: Callable[..., Any], shelf: Path) -> None:
    pin = (shelf / "pinned.json").rename(shelf / "elsewhere.json")
    service = launch("--models-dir", str(shelf))
    assert service.ask("GET", "/health/ready")[0] == 503
    pin.rename(shelf / "pinned.json")

    wait_until(lambda: service.ask("GET", "/health/ready")[0] == 200)


def process_ids(service: Any) -> set[int]:
    """The workers that the log says have started."""
    words = (json.loads(line)["message"] for line in service.lines())
    return {int(word.split("[")[1][:-1]) for word in words if word.startswith("Started server process")}


def count(service: Any, name: str) -> float:
    status, exposed = service.ask("GET", "/metrics")
    assert status == 200, service.lines()[-3:]
    return sum(float(line.split()[-1]) for line in exposed.splitlines() if line.startswith(name))


def test_several_workers_count_together_swap_together_and_are_replaced(
    launch: Callable[..., Any], shelf: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    second = publish_another(shelf, tmp_path_factory)
    temporary = tmp_path_factory.mktemp("temporary")
    service = launch("--models-dir", str(shelf), "--workers", "2", environment={"TMPDIR": str(temporary)})
    wait_until(lambda: len(process_ids(service)) == 2)
    answered = 'http_requests_total{method="POST",route="/predict",status="200"}'
    for _ in range(40):
        service.ask("POST", "/predict", VALID.decode())
    assert [count(service, answered) for _ in range(10)] == [40] * 10
    assert count(service, "churn_predictions_total") == count(service, "churn_probability_count") == 40

    [folder] = temporary.glob("metrics-*")
    (unfinished := folder / "counter_1.db").touch()
    threading.Timer(0.03, unfinished.write_bytes, [bytes(4096)]).start()
    assert count(service, answered) == 40  # while a worker that starts makes its files

    before = process_ids(service)
    os.kill(min(before), signal.SIGKILL)
    wait_until(lambda: len(process_ids(service)) == 3)
    wait_until(lambda: service.ask("POST", "/predict", VALID.decode())[0] == 200)
    assert count(service, answered) >= 41

    bundle.pin(second, models_dir=shelf)
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: count(service, "churn_model_loaded") == 1)

    def versions() -> set[str]:
        answers = [service.ask("POST", "/predict", VALID.decode())[1] for _ in range(40)]
        return {json.loads(answer)["model_version"] for answer in answers}

    wait_until(lambda: versions() == {second.manifest.version})
    assert versions() == {second.manifest.version}
