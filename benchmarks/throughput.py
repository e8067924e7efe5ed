"""`make bench`: compares the service with an empty endpoint, the bare server and a plain implementation, in one run.

Writes the raw file, the page and the README's figure.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import batches, contenders, pinned_model, rounds
from benchmarks.measuring.batches import Batches
from benchmarks.measuring.contenders import EMPTY, OPEN, OURS, UNLOGGED
from benchmarks.measuring.rounds import Cell
from benchmarks.reporting import command, machine, tables
from benchmarks.reporting.record import Record
from models.progress import Progress

PAGE = """\
# Throughput

Made by `make bench`; `throughput.json` in this folder has every round.

{machine}
## One prediction per request

Median of {rounds} rounds. In each round all servers start on one core and warm up for {warm_up} s. Then `wrk -t1` on
another core loads them for {seconds} s at each number of connections, one server after the other, while the other
servers are idle. Each connection sends the same customer again as soon as it has its answer.

{loads}
- **requests/s** counts answers that are not refusals. **p50**, **p95** and **p99** are over all answers, refusals
  included; an answer that took more than 2 s counts as 2 s there, and in the column **over 2 s**.
- **shed** counts refusals because of too much load, as the service counts them. **failed** counts all other refusals,
  and broken connections.
- **memory** is the resident memory of all processes of the server, right after the load.
- **log behind** is how long, right after the load, the oldest prediction had waited on disk for the log's database. The
  process that writes to the database runs on the same core, with lower priority than requests. {dropped}
- **empty endpoint** is FastAPI with the service's request and response models, computing nothing. **bare uvicorn** is
  a function under uvicorn that always answers the same bytes. **pipeline on a DataFrame** is the usual implementation:
  a plain FastAPI function, scikit-learn's pipeline with the same trees, a DataFrame of one row. All run under uvicorn
  with uvloop and httptools, one worker, no access log. The service also does all its own logging and counting. It is
  tuned, as the others could be: it sends an answer in one packet, it accepts connections through many duplicates of one
  socket, and it excludes long-lived objects from garbage collection.

## The service against the empty endpoint

Requests/s of the service, with and without its prediction log, divided by the empty endpoint's in the same round.
Median, minimum and maximum of the rounds.

{ratios}
Requests/s at the highest number of connections, as a share of the server's own peak in the same round:

{kept}
## Batches

Rows per second over `POST /predict/batch`, and single predictions with and without another client that sends one batch
of 10,000 after another, on the same core and for the same time. Median, minimum and maximum of the rounds.

{batches}
## Limits of this comparison

The client is on the same machine, so the figures include no network. A connection sends nothing while it waits: clients
that do not wait would build up longer queues under overload. The load repeats one customer. Absolute figures depend on
the machine and its other load; ratios within a round are stable.
"""


def measure(number_of_rounds: int, seconds: int) -> Record:
    """Run all rounds.

    Raises:
        BenchmarkError: a server did not start, or stopped answering.
    """
    cells: list[Cell] = []
    batched: list[Batches] = []
    with TemporaryDirectory() as folder:
        scratch = Path(folder)
        servers = contenders.all_of_them(scratch)
        steps = number_of_rounds * (len(servers) * len(rounds.CONNECTIONS) + batches.STEPS)
        with Progress(steps) as progress:
            for number in range(1, number_of_rounds + 1):
                cells += rounds.measure(servers, number=number, seconds=seconds, progress=progress, scratch=scratch)
                batched.append(batches.measure(number=number, seconds=seconds, progress=progress, scratch=scratch))
    described = machine.describe() | pinned_model.describe()
    return Record(described, rounds.settings(number_of_rounds, seconds), cells, batched)


def write(found: Record) -> str:
    """Return the page of a run."""
    measured = {cell.server for cell in found.cells}  # records from before keys lack one of them
    compared = [server for server in (OURS, OPEN, UNLOGGED) if server in measured]
    return PAGE.format(
        machine=tables.facts(found.machine),
        rounds=found.settings["rounds"],
        seconds=found.settings["seconds"],
        warm_up=found.settings["warm_up_seconds"],
        loads=tables.loads(found.cells),
        ratios=tables.ratios(found.cells, compared, EMPTY),
        kept=tables.kept(found.cells),
        dropped=f"Predictions missing from the log: {sum(cell.log_dropped_rows for cell in found.cells)}.",
        batches=tables.batches(found.batches),
    )


if __name__ == "__main__":
    sys.exit(command.play("throughput", measure, write))
