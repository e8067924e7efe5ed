"""`make bench-cpu`: measures the CPU time of a request, in the service and in the process that writes its log.

The service runs with one and with two workers. A second table has what a canary adds, in one process. CPU time depends
less on other work of the machine than requests per second do.
"""

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.errors import BenchmarkError
from benchmarks.measuring import canary_turns, contenders, cpu, process, rounds, wrk
from benchmarks.measuring.contenders import Contender
from benchmarks.measuring.process import Server
from benchmarks.reporting import tables

CONNECTIONS, SECONDS, ROUNDS, STORED_SECONDS = 16, 3, 3, 60
CONTENDERS: tuple[Callable[[Path], Contender], ...] = (
    lambda _: contenders.empty(),
    contenders.unlogged,
    contenders.service,
    contenders.two_workers,
)
PAGE = """\

CPU time of one request at {connections} connections in µs, the median of {rounds} rounds of {seconds} s. Two workers
share all cores with the load; all other servers have one core.

{table}
"""

CANARY_PAGE = """\

What a canary adds to one request with a customer_id, in µs of CPU time of predictions and their metrics, in one
process, without server and log. The median of {rounds} rounds of {requests:,} requests, each with a canary and without
one, and the quarters of the rounds. The requests of one turn of the event loop are predicted together. A turn with
customers of both models runs both.

{table}
"""


@dataclass(frozen=True)
class Cost:
    """What one load cost."""

    server_microseconds: float
    log_microseconds: float
    answered_per_second: float


def main() -> int:
    """Measure and print; return 0, or 2 if the measurement failed."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        wrk.prepare()
        with TemporaryDirectory() as folder:
            found = [[measure(make(Path(folder)), Path(folder)) for make in CONTENDERS] for _ in range(ROUNDS)]
    except BenchmarkError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(write({name: [costs[name] for costs in map(dict, found)] for name in dict(found[0])}))
    sys.stdout.write(write_canary(canary_turns.measure()))
    return 0


def measure(contender: Contender, scratch: Path, *, seconds: int = SECONDS) -> tuple[str, Cost]:
    """Load one server, wait until its log is stored, and return its name and the cost of a request.

    Raises:
        BenchmarkError: it did not start, or stopped answering.
    """
    with process.running(contender, scratch / "server.log") as server:
        rounds.send(server, connections=CONNECTIONS, seconds=rounds.WARM_UP_SECONDS)
        _wait_for_log(server)
        before = cpu.read(server.process_id)
        load = rounds.send(server, connections=CONNECTIONS, seconds=seconds)
        _wait_for_log(server)
        spent = cpu.read(server.process_id) - before
    each = 1e6 / load.answers
    return contender.name, Cost(spent.server_seconds * each, spent.log_seconds * each, load.answered_per_second)


def write(found: dict[str, list[Cost]]) -> str:
    """Return the page of a measurement."""
    rows = []
    for name, costs in found.items():
        server = median(cost.server_microseconds for cost in costs)
        log = median(cost.log_microseconds for cost in costs)
        speed = median(cost.answered_per_second for cost in costs)
        rows.append([name, f"{server:.1f}", f"{log:.1f}", f"{server + log:.1f}", f"{speed:,.0f}"])
    table = tables.table(["server", "its processes", "the log's process", "together", "requests/s"], rows)
    return PAGE.format(connections=CONNECTIONS, rounds=ROUNDS, seconds=SECONDS, table=table)


def write_canary(rows: list[list[str]]) -> str:
    """Return the page of what a canary adds."""
    heads = ["requests in a turn", "without a canary", *(f"a canary of {one:.0%} adds" for one in canary_turns.SHARES)]
    table = tables.table(heads, rows)
    return CANARY_PAGE.format(rounds=canary_turns.ROUNDS, requests=canary_turns.REQUESTS, table=table)


def _wait_for_log(server: Server) -> None:
    """Wait until the database has all predictions, for a minute at most."""
    if not (folder := server.contender.environment.get("SERVICE_OUTPUT_DIR")):
        return
    limit = time.monotonic() + STORED_SECONDS
    time.sleep(1)  # rows are on disk after half a second
    while any(Path(folder, "spool").glob("*.page")) and time.monotonic() < limit:
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
