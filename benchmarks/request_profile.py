"""`make bench-profile`: profiles the service under load, by package and by line of the project's code.

A sampling profiler reads the stacks of the running service 250 times a second, so the code needs no instrumentation.
The output states the precision of the shares.
"""

import linecache
import logging
import math
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.errors import BenchmarkError, ProfilerFailed
from benchmarks.measuring import contenders, cores, environments, process, rounds, stacks, wrk
from benchmarks.measuring.contenders import Contender
from benchmarks.measuring.process import Server
from benchmarks.measuring.stacks import Frame, Stack
from benchmarks.measuring.wrk import Load
from benchmarks.reporting import tables

CONNECTIONS, SECONDS, SAMPLED_SECONDS, SAMPLES_PER_SECOND = 16, 8, 6, 250
ROWS, WIDTH = 16, 90
REQUIREMENTS = Path(__file__).with_name("profiler.txt")
PAGE = """\

One request takes {service:.0f} µs of a core at {connections} connections.

{packages}
By line of the project's code, with its calls into other packages:

{lines}
Precision: {samples} of {possible} possible samples; no thread was running in the others. A share of 10 % has an error
of ±{error:.1%}. Under the profiler a request takes {profiled:.0f} µs. Bare uvicorn takes {bare:.0f} µs per request;
the profile attributes {server:.0f} µs to the server itself, and the time to send an answer to the line that sends it.
"""

logger = logging.getLogger(__name__)


def main() -> int:
    """Measure and print; return 0, or 2 if the measurement failed."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        wrk.prepare()
        profiler = environments.prepare(REQUIREMENTS) / "py-spy"
        with TemporaryDirectory() as folder:
            sys.stdout.write(measure(profiler, Path(folder)))
    except BenchmarkError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def measure(profiler: Path, scratch: Path) -> str:
    """Load the bare server, the service, and the service under the profiler; return the page."""
    logger.info("1 of 3: the bare server")
    bare = _load(contenders.bare(), scratch)
    logger.info("2 of 3: the service")
    service = _load(contenders.service(scratch), scratch)
    logger.info("3 of 3: the service under the profiler")
    with process.running(contenders.service(scratch), scratch / "server.log") as server:
        profiled, raw = _profile(server, profiler, scratch / "stacks.txt")
    found = stacks.read(raw)
    return _write(found, bare=_microseconds(bare), service=_microseconds(service), profiled=_microseconds(profiled))


def _load(contender: Contender, scratch: Path) -> Load:
    with process.running(contender, scratch / "server.log") as server:
        rounds.send(server, connections=CONNECTIONS, seconds=rounds.WARM_UP_SECONDS)
        return rounds.send(server, connections=CONNECTIONS, seconds=SECONDS)


def _profile(server: Server, profiler: Path, to: Path) -> tuple[Load, str]:
    sampling = [f"--rate={SAMPLES_PER_SECOND}", f"--duration={SAMPLED_SECONDS}", "--format=raw", f"--output={to}"]
    command = [str(profiler), "record", f"--pid={server.process_id}", "--subprocesses", *sampling]
    with ThreadPoolExecutor(1) as other:
        load = other.submit(rounds.send, server, connections=CONNECTIONS, seconds=SECONDS)
        time.sleep(1)  # the profiler samples only while there is load: from the second second to the last but one
        with cores.pinned(cores.LOAD):
            done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode or not to.exists():
        raise ProfilerFailed(problem=" ".join(done.stderr.split())[-300:])
    return load.result(), to.read_text()


def _microseconds(load: Load) -> float:
    return 1e6 / load.answered_per_second


def _write(found: list[Stack], *, bare: float, service: float, profiled: float) -> str:
    lines, samples = stacks.by_line(found), sum(stack.samples for stack in found)
    return PAGE.format(
        service=service,
        connections=CONNECTIONS,
        packages=tables.table(["package", "share", "µs"], _rows(stacks.by_package(found), samples, service)),
        lines=tables.table(["line", "share", "µs"], _rows(lines, samples, service)),
        samples=samples,
        possible=SAMPLES_PER_SECOND * SAMPLED_SECONDS,
        error=1.96 * math.sqrt(0.1 * 0.9 / samples),
        profiled=profiled,
        bare=bare,
        server=service * lines[stacks.SERVER] / samples,
    )


def _rows(found: Counter[str] | Counter[Frame | str], samples: int, microseconds: float) -> list[list[str]]:
    rows = [(_name(key), count) for key, count in found.most_common(ROWS)]
    rows.append(("others", samples - sum(count for _, count in rows)))
    return [[name, f"{count / samples:.1%}", f"{count / samples * microseconds:.1f}"] for name, count in rows]


def _name(key: Frame | str) -> str:
    if isinstance(key, str):
        return key
    return f"{key.path}:{key.line}  {linecache.getline(key.path, key.line).strip()}"[:WIDTH]


if __name__ == "__main__":
    sys.exit(main())
