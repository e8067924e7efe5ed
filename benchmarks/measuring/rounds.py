"""Rounds of load: each contender in turn, at each number of connections.

All contenders run at the same time, and one at a time gets load. So the compared loads follow each other directly, and
a slow minute of the machine affects them all.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import NoAnswer
from benchmarks.measuring import process, wrk
from benchmarks.measuring.contenders import OPEN, OURS, UNLOGGED, Contender
from benchmarks.measuring.process import Server
from benchmarks.measuring.wrk import Load
from models.progress import Progress

CONNECTIONS = (1, 10, 50, 100, 200, 1_000)
SHED_METRIC = "http_requests_shed_total"
BEHIND_METRIC, DROPPED_METRIC = "churn_log_behind_seconds", "churn_log_dropped_rows_total"
_METRICS = (SHED_METRIC, BEHIND_METRIC, DROPPED_METRIC)
WARM_UP_SECONDS, WARM_UP_CONNECTIONS = 1, 10


@dataclass(frozen=True)
class Cell:
    """One load of one contender at one number of connections."""

    server: str
    round: int
    connections: int
    load: Load
    shed: int
    """Requests that the server refused because of too much load, by its own count."""
    resident_mb: float
    """Resident memory right after the load."""
    log_behind_seconds: float = 0
    """Age, right after the load, of the oldest prediction that is not in the log's database yet."""
    log_dropped_rows: int = 0
    """Predictions of this load that are missing from the log."""

    @property
    def failed(self) -> int:
        """Refusals for reasons other than load, and broken connections."""
        return max(0, self.load.refused - self.shed) + self.load.broken


def measure(
    contenders: Sequence[Contender], *, number: int, seconds: int, progress: Progress, scratch: Path
) -> Iterator[Cell]:
    """Start the contenders for the round `number`, warm them up, and send load to each in turn.

    Raises:
        BenchmarkError: a contender did not start, or stopped answering.
    """
    with ExitStack() as stack:
        logs = [scratch / f"{at}.log" for at, _ in enumerate(contenders)]
        servers = [stack.enter_context(process.running(*each)) for each in zip(contenders, logs, strict=True)]
        for server in servers:
            send(server, connections=WARM_UP_CONNECTIONS, seconds=WARM_UP_SECONDS)
            server.predict()
        for many in CONNECTIONS:
            for server in servers:
                progress.stage(f"round {number}, {server.contender.name}, {many:,} connections")
                yield _load(server, number, many, seconds)
                progress.step()


def _load(server: Server, number: int, many: int, seconds: int) -> Cell:
    before = _count(server)
    load = send(server, connections=many, seconds=seconds)
    resident_mb = server.resident_mb()
    server.predict()  # returns when the server has worked off its queues, so that the next load starts with empty ones
    after = _count(server)
    shed, dropped = (int(after[name] - before[name]) for name in (SHED_METRIC, DROPPED_METRIC))
    return Cell(server.contender.name, number, many, load, shed, resident_mb, after[BEHIND_METRIC], dropped)


def settings(number_of_rounds: int, seconds: int) -> dict[str, int]:
    """Return the settings of a run of rounds."""
    return {"rounds": number_of_rounds, "seconds": seconds, "warm_up_seconds": WARM_UP_SECONDS}


def send(server: Server, *, connections: int, seconds: int) -> Load:
    """Send the contender's own single request as load."""
    contender = server.contender
    url = server.url(contender.path)
    return wrk.send(url, contender.body, key=contender.key, connections=connections, seconds=seconds)


def read_metric(exposed: str, name: str) -> float:
    """Return the sum of a metric over all label values in Prometheus' text format; 0 if the metric is missing."""
    lines = (line for line in exposed.strip().split("\n") if line.startswith((f"{name} ", f"{name}{{")))
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def _count(server: Server) -> dict[str, float]:
    """Read the service's own counters; 0 for all other servers."""
    if server.contender.name not in (OURS, OPEN, UNLOGGED):
        return dict.fromkeys(_METRICS, 0.0)
    status, exposed = server.ask("/metrics")
    if status != 200:
        raise NoAnswer(server=OURS, problem=f"/metrics answered {status}")
    return {name: read_metric(exposed, name) for name in _METRICS}
