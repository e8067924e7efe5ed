"""`make bench-peers`: measures other servers with the same trees, each in an environment of its own.

The method is that of `benchmarks.throughput`, with the empty endpoint as the baseline. A peer that cannot be installed
or started is left out, and the page gives the reason.
"""

import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.errors import BenchmarkError
from benchmarks.measuring import contenders, environments, pinned_model, rounds
from benchmarks.measuring.contenders import EMPTY, Contender
from benchmarks.measuring.rounds import Cell
from benchmarks.peers import catalogue
from benchmarks.reporting import command, machine, tables
from benchmarks.reporting.record import Record
from benchmarks.reporting.summary import servers
from models.progress import Progress

REQUIREMENTS = Path(__file__).parent
PAGE = """\
# Other servers with the same trees

Made by `make bench-peers`; `peers.json` in this folder has every round and all installed versions.

{machine}
Median of {rounds} rounds of {seconds} s, with the method of [throughput.md](throughput.md). Every peer has the booster
of the pinned model, and gets the same customer in its own format, already encoded as the model's matrix. Its answer
must contain the same probability. Each peer is started as in its documentation, with one worker and otherwise default
settings, and with all its processes on one core. **empty endpoint** is FastAPI computing nothing, in the same rounds.

{loads}
{absent}Requests/s as a multiple of the empty endpoint's in the same round:

{ratios}
The service does more than its peers here: it checks and encodes the customer, and counts and logs the answer by tier.
Peers have other features: several models, gRPC, GPUs, batching across requests. None of these helps a single row.
"""

logger = logging.getLogger(__name__)


def measure(number_of_rounds: int, seconds: int) -> Record:
    """Install all peers, and run all rounds with those that could be installed."""
    installed: dict[str, dict[str, str]] = {}
    absent: dict[str, str] = {}
    with TemporaryDirectory() as folder:
        scratch = Path(folder)
        taking_part = [contenders.empty(), *_set_up(scratch, installed, absent)]
        cells: list[Cell] = []
        with Progress(number_of_rounds * len(taking_part) * len(rounds.CONNECTIONS)) as progress:
            for number in range(1, number_of_rounds + 1):
                for server in (one for one in taking_part if one.name not in absent):
                    try:
                        cells += rounds.measure(
                            [server], number=number, seconds=seconds, progress=progress, scratch=scratch
                        )
                    except BenchmarkError as error:
                        absent[server.name] = str(error)
    kept = [cell for cell in cells if cell.server not in absent]
    described = machine.describe() | pinned_model.describe()
    return Record(described, rounds.settings(number_of_rounds, seconds), kept, [], absent, installed)


def write(found: Record) -> str:
    """Return the page of a run."""
    absent = [f"**{name}** was not measured: {reason}\n\n" for name, reason in found.absent.items()]
    return PAGE.format(
        machine=tables.facts(found.machine),
        rounds=found.settings["rounds"],
        seconds=found.settings["seconds"],
        loads=tables.loads(found.cells),
        absent="".join(absent),
        ratios=tables.ratios(found.cells, [name for name in servers(found.cells) if name != EMPTY], EMPTY),
    )


def _set_up(scratch: Path, installed: dict[str, dict[str, str]], absent: dict[str, str]) -> Iterable[Contender]:
    row, expected = pinned_model.row()[0].tolist(), pinned_model.score()
    for name, make in catalogue.PEERS.items():
        logger.info("installing %s", name)
        (scratch / name).mkdir()
        try:
            programs = environments.prepare(REQUIREMENTS / f"{name}.txt")
            yield make(catalogue.Setting(programs, pinned_model.booster(), row, expected, scratch / name))
        except BenchmarkError as error:
            absent[name] = str(error)
            continue
        installed[name] = environments.versions(programs)


if __name__ == "__main__":
    sys.exit(command.play("peers", measure, write))
