"""The CPU time of a server is that of its processes, with the log's process apart."""

import subprocess
import sys
from pathlib import Path

from benchmarks import request_cost
from benchmarks.measuring import canary_turns, contenders, cpu, process
from benchmarks.request_cost import Cost
from tests.waiting import wait_until

BURN = "import time\nwhile time.process_time() < 0.2: pass\ninput()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}, *sys.argv[1:]])"


def test_the_logs_process_is_counted_apart() -> None:
    for name, is_log in (("service.log.shipper", True), ("worker", False)):
        command = [sys.executable, "-c", PARENT, name]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as parent:
            own, other = ("log_seconds", "server_seconds") if is_log else ("server_seconds", "log_seconds")
            wait_until(lambda: getattr(cpu.read(parent.pid), own) >= 0.1, seconds=30)  # noqa: B023
            assert is_log or getattr(cpu.read(parent.pid), other) == 0
            parent.communicate(b"\n")


def test_two_workers_answer_and_are_not_pinned_to_one_core(tmp_path: Path) -> None:
    two = contenders.two_workers(tmp_path)
    with process.running(two, tmp_path / "server.log") as server:
        assert server.predict()[0] == 200
        assert len(process.family(server.process_id)) > 3  # the parent, two workers and the log's process


def test_the_page_has_the_medians_and_their_sum() -> None:
    page = request_cost.write({"service": [Cost(30, 5, 20_000), Cost(31, 6, 21_000), Cost(50, 9, 1_000)]})
    assert "|service|31.0|6.0|37.0|20,000|" in page.replace(" ", "")


def test_the_cost_of_a_canary_is_told_for_each_share_and_turn(root: Path) -> None:
    page = request_cost.write_canary(canary_turns.measure(root / "models", rounds=2, requests=16))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("|")]
    assert rows[0] == ["requests in a turn", "without a canary", "a canary of 5% adds", "a canary of 50% adds"]
    assert [int(row[0]) for row in rows[2:]] == [1, 4, 16]
    assert all(float(row[1]) > 0 for row in rows[2:])
