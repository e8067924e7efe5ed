"""The story of `make bench`: the service beside an empty endpoint, the bare server and the usual way, in one run.

Writes the raw file, the page and the README's figure.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import batches, contenders, pinned_model, rounds
from benchmarks.measuring.batches import Batches
from benchmarks.measuring.contenders import EMPTY, OURS, UNLOGGED
from benchmarks.measuring.rounds import Cell
from benchmarks.reporting import command, machine, tables
from benchmarks.reporting.record import Record
from models.progress import Progress

PAGE = """\
# Throughput

Made by `make bench`; `throughput.json` beside this page has every round.

{machine}
## One prediction a request

Median of {rounds} rounds. In each round all servers are started on one core, warmed up for {warm_up} s, and asked by
`wrk -t1` from another core for {seconds} s at each number of connections: one after the other, while those that are not
asked do nothing. Each connection sends the same customer again as soon as it has its answer.

{loads}
- **requests/s** are answers that are no refusals. **p50**, **p95** and **p99** are over all answers, refusals included;
  one that took more than 2 s counts as 2 s there, and in the column **over 2 s**.
- **shed** are refusals because of too much load, by the service's own count. **failed** are all other refusals, and
  connections that broke.
- **memory** is the resident memory of all processes of the server, right after the load.
- **log behind** is how long, right after the load, the oldest prediction had waited on disk for the log's database. The
  process that writes to the database runs on the same core, with lower priority than requests. {dropped}
- **empty endpoint** is FastAPI with the service's request and response models, computing nothing. **bare uvicorn** is
  a function under uvicorn that answers the same bytes to everybody. **pipeline on a DataFrame** is the usual way: a
  plain FastAPI function, scikit-learn's pipeline with the same trees, a DataFrame of one row. All run under uvicorn
  with uvloop and httptools, one worker, no access log. The service also does all its own logging and counting; and it
  is set up to be fast, as the others could be: its connections send an answer in one packet, it listens many times on
  one socket, and it spares the garbage collector what stays.

## The service against the empty endpoint

Requests/s of the service, with and without its prediction log, divided by the empty endpoint's, within each round;
median, least and most of the rounds.

{ratios}
Requests/s at the most connections, as a share of the server's own peak in the same round:

{kept}
## Batches

Rows a second over `POST /predict/batch`, and single predictions with and without a client beside them that sends one
batch of 10,000 after another; the same core, the same lengths. Median, least and most of the rounds.

{batches}
## What this does not say

The client is on the same machine, so there is no network in it. A connection that waits sends nothing: clients that do
not wait would queue up more under overload. The load is one customer again and again. Absolute figures move with the
machine and its neighbours; ratios within a round hold.
"""


def measure(number_of_rounds: int, seconds: int) -> Record:
    """Play all rounds.

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
    """Write the page of a run."""
    return PAGE.format(
        machine=tables.facts(found.machine),
        rounds=found.settings["rounds"],
        seconds=found.settings["seconds"],
        warm_up=found.settings["warm_up_seconds"],
        loads=tables.loads(found.cells),
        ratios=tables.ratios(found.cells, [OURS, UNLOGGED], EMPTY),
        kept=tables.kept(found.cells),
        dropped=f"Predictions missing from the log: {sum(cell.log_dropped_rows for cell in found.cells)}.",
        batches=tables.batches(found.batches),
    )


if __name__ == "__main__":
    sys.exit(command.play("throughput", measure, write))
