"""Measures the service's batches: rows per second, and the latency of single predictions beside large batches."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import contenders, process, rounds, wrk
from benchmarks.measuring.process import Server
from benchmarks.measuring.wrk import Load
from demo import synthetic_customers
from models.progress import Progress

PATH = "/predict/batch"
ROWS, LARGE_ROWS = 1_000, 10_000
CONNECTIONS = (1, 4)
SINGLES_CONNECTIONS = 10
STEPS = 2 * len(CONNECTIONS) + 2
"""Steps of the progress bar per round."""


@dataclass(frozen=True)
class Batches:
    """The measurements of one round."""

    round: int
    rows_per_second: dict[int, float]
    """Rows per second in batches of 1,000, by number of connections."""
    unlogged_rows_per_second: dict[int, float]
    """The same without the prediction log."""
    alone: Load
    """Single predictions without other load."""
    beside: Load
    """Single predictions while another client sends one batch of 10,000 after another."""
    large: Load
    """The batches of that other client."""


def measure(*, number: int, seconds: int, progress: Progress, scratch: Path) -> Batches:
    """Start the service, and send batches to it."""
    progress.stage(f"round {number}, batches")
    with process.running(contenders.unlogged(scratch), scratch / "server.log") as server:
        unlogged = dict(_rows_per_second(server, seconds, progress))
    with process.running(contenders.service(scratch), scratch / "server.log") as server:
        rows_per_second = dict(_rows_per_second(server, seconds, progress))
        progress.stage(f"round {number}, single predictions beside batches")
        alone = rounds.send(server, connections=SINGLES_CONNECTIONS, seconds=seconds)
        progress.step()
        batch = _batch(LARGE_ROWS)
        with ThreadPoolExecutor(1) as other:
            # A second longer, so that batches run for as long as single predictions do.
            large = other.submit(
                wrk.send, server.url(PATH), batch, key=server.contender.key, connections=1, seconds=seconds + 1
            )
            beside = rounds.send(server, connections=SINGLES_CONNECTIONS, seconds=seconds)
        progress.step()
    return Batches(number, rows_per_second, unlogged, alone, beside, large.result())


def _rows_per_second(server: Server, seconds: int, progress: Progress) -> Iterator[tuple[int, float]]:
    rounds.send(server, connections=rounds.WARM_UP_CONNECTIONS, seconds=rounds.WARM_UP_SECONDS)
    batch = _batch(ROWS)
    for connections in CONNECTIONS:
        load = wrk.send(server.url(PATH), batch, key=server.contender.key, connections=connections, seconds=seconds)
        yield connections, ROWS * load.answered_per_second
        progress.step()


def _batch(rows: int) -> bytes:
    customers = json.loads(synthetic_customers.calm(rows, seed=5).to_json(orient="records"))
    return json.dumps({"customers": customers}).encode()
