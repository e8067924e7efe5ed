"""The service's batches: how many rows a second, and what single predictions feel while large ones run."""

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
"""Of a round, for the progress bar."""


@dataclass(frozen=True)
class Batches:
    """What one round found."""

    round: int
    rows_per_second: dict[int, float]
    """In batches of 1,000, by number of connections."""
    unlogged_rows_per_second: dict[int, float]
    """The same without the prediction log."""
    alone: Load
    """Single predictions with nothing beside them."""
    beside: Load
    """Single predictions beside a client that sends one batch of 10,000 after another."""
    large: Load
    """Those batches."""


def measure(*, number: int, seconds: int, progress: Progress, scratch: Path) -> Batches:
    """Start the service, and load it with batches."""
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
            # A second longer, so that there are batches beside every single prediction.
            large = other.submit(wrk.send, server.url(PATH), batch, connections=1, seconds=seconds + 1)
            beside = rounds.send(server, connections=SINGLES_CONNECTIONS, seconds=seconds)
        progress.step()
    return Batches(number, rows_per_second, unlogged, alone, beside, large.result())


def _rows_per_second(server: Server, seconds: int, progress: Progress) -> Iterator[tuple[int, float]]:
    rounds.send(server, connections=rounds.WARM_UP_CONNECTIONS, seconds=rounds.WARM_UP_SECONDS)
    batch = _batch(ROWS)
    for connections in CONNECTIONS:
        load = wrk.send(server.url(PATH), batch, connections=connections, seconds=seconds)
        yield connections, ROWS * load.answered_per_second
        progress.step()


def _batch(rows: int) -> bytes:
    customers = json.loads(synthetic_customers.calm(rows, seed=5).to_json(orient="records"))
    return json.dumps({"customers": customers}).encode()
