"""More clients than can be answered, against a real process: wrk sends requests on all connections without pause."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measuring.process import resident_mb
from models.features import CONTRACT

SATURATING, EXCESSIVE = 40, 400
TURN_SECONDS = 0.01
"""Two hundred predictions or so, so that ten times the saturating connections are more than it takes."""
LEAST_SHARE, MOST_ROUNDS = 0.8, 10
"""Of the goodput without excess, in one of so many rounds: other programs may use this machine meanwhile."""
VALID = json.dumps(CONTRACT.example)


def load(port: int, connections: int, seconds: int) -> subprocess.Popen[str]:
    script = str(Path(__file__).with_suffix("").with_name("overload.lua"))
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "5s", "--script", script]
    command = ["wrk", *options, f"http://127.0.0.1:{port}/predict", "--", VALID]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def seen(running: subprocess.Popen[str]) -> dict[str, float]:
    answer = running.communicate(timeout=300)[0].splitlines()[-1]
    return dict(json.loads(answer))


def probe_seconds(service: Any, path: str) -> float:
    began = time.monotonic()
    assert service.ask("GET", path)[0] == 200
    return time.monotonic() - began


def shed_by_its_own_count(service: Any) -> float:
    lines = service.ask("GET", "/metrics")[1].splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("http_requests_shed_total"))


def compare(service: Any) -> tuple[float, float, dict[str, float]]:
    """Load it fully, then with ten times the connections while it is probed; return both goodputs, and what is seen."""
    full = seen(load(service.port, SATURATING, seconds=2))
    before_mb, shed_before = resident_mb(service.process.pid), shed_by_its_own_count(service)
    excess, slowest_probe = load(service.port, EXCESSIVE, seconds=4), 0.0
    while excess.poll() is None:
        slowest_probe = max(slowest_probe, *(probe_seconds(service, f"/health/{probe}") for probe in ("live", "ready")))
        time.sleep(0.05)
    told = seen(excess)
    assert full["shed"] < 0.01 * full["good"]  # some, when the machine itself hesitates
    assert shed_by_its_own_count(service) - shed_before >= told["shed"] > 0
    assert slowest_probe < 1
    assert resident_mb(service.process.pid) < before_mb + 50
    return full["good"] / full["seconds"], told["good"] / told["seconds"], told


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_past_saturation_the_excess_is_refused_and_the_rest_is_served(launch: Callable[..., Any]) -> None:
    service = launch("--max-turn-seconds", str(TURN_SECONDS))
    load(service.port, 1, seconds=1).communicate()  # everything is compiled, cached and paged in

    rounds = [compare(service)]
    while len(rounds) < MOST_ROUNDS and rounds[-1][1] < LEAST_SHARE * rounds[-1][0]:
        rounds.append(compare(service))
    at_full_load, at_excess, told = rounds[-1]
    assert at_excess >= LEAST_SHARE * at_full_load
    assert told["shed"] == told["patient"] > 0
    assert told["other"] == told["broken"] == 0
    assert told["slowest_seconds"] < 2

    limit = time.monotonic() + 60
    while (after := seen(load(service.port, 10, seconds=1)))["shed"]:
        assert time.monotonic() < limit
    assert after["good"] > 0
