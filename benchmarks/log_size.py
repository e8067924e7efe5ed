"""Measures what a year of rows in the log costs shipper, drift job and `prune`: `python -m benchmarks.log_size`.

Two logs on one PostgreSQL server have the same last day. One has a year of rows before it. They take turns.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from benchmarks.errors import BenchmarkError, JobFailed
from benchmarks.measuring import postgres
from benchmarks.measuring.postgres import Server
from benchmarks.reporting import findings, log_rows, tables
from benchmarks.reporting.log_rows import Filled
from models.bundles import bundle
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from models.log import log_tables
from models.progress import Progress
from monitoring import pruning
from monitoring.runs import run_store
from monitoring.settings import PruneSettings
from service.log.page_insertion import PageInsertion
from service.log.spool import Spool
from service.settings import Settings

LOGS = ("small", "large")
_COLUMNS = {
    "processor's time, s": "processor_seconds",
    "wall time, s": "seconds",
    "blocks": "blocks",
}
PAGES, PAGE_ROWS = 20, 2_000
ROWS, WINDOW_ROWS = 3_000_000, 100_000
PAGE = """\
# A large prediction log

Made by `make bench-log`; `log_size.json` in this folder has every round.

{machine}
Two logs in PostgreSQL {version}, partitioned by week, with the server's usual settings but without autovacuum. Both
have {window:,} predictions of the last day. **large** has {history:,} more in the 52 weeks before, of 500,000
customers, with an outcome for each sixteenth: {size:.1f} GB. The two take turns; the table has medians of {rounds}
rounds, and the ratio is the median of the ratios within a round, with the least and the most. The processor's time is
that of the program and of its connections to the server. Blocks are those that the server read, from its cache or the
disk. **insert** stores {pages} pages of {page_rows:,} new predictions with the code of the shipper. **drift** is the
whole program `python -m monitoring drift` over the last day.

{costs}
{dropped}
"""


@dataclass(frozen=True)
class Cost:
    """What one step cost in one round."""

    round: int
    log: str
    step: str
    processor_seconds: float
    seconds: float
    blocks: int


def main() -> int:
    """Measure, and write the results; return 0, or 2 if a program failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.log_size", description="Measure a large log.")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows of the large log (default {ROWS:,}; 0.5 KB each)")
    parser.add_argument("--window-rows", type=int, default=WINDOW_ROWS, help="rows of the last day")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds (default 5)")
    options = parser.parse_args()
    try:
        with postgres.running() as server:
            large, found = measure(server, options.rows, options.window_rows, options.rounds)
            facts = {"window": options.window_rows, "history": large.rows - options.window_rows}
            page = write(found, facts | {"version": server.version(), "size": large.size_bytes / 1e9}, prune(large))
    except BenchmarkError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    described = findings.describe()
    findings.save("log_size", described, found, page.replace("{machine}", tables.facts(described)))
    return 0


def measure(server: Server, history: int, window: int, rounds: int) -> tuple[Filled, list[Cost]]:
    """Fill both logs, measure both in turn, and return the large one and the costs."""
    scorer, now = Scorer.of(bundle.load(Settings().models_dir, contract=CONTRACT)), datetime.now(UTC)
    logs = [
        log_rows.fill(name, server.create(name), scorer, history=rows, window=window, now=now)
        for name, rows in zip(LOGS, (0, history), strict=True)
    ]
    found: list[Cost] = []
    with TemporaryDirectory() as folder, Progress(4 * (rounds + 1)) as progress:
        progress.stage("measuring")
        for number in range(rounds + 1):  # the first fills the caches
            for log in logs if number % 2 else reversed(logs):
                found.append(insert(server, log, scorer, Path(folder), number))
                progress.step()
                found.append(drift(server, log, Path(folder), number))
                progress.step()
    return logs[1], [one for one in found if one.round]


def write(found: Sequence[Cost], facts: Mapping[str, Any], dropped: str) -> str:
    """Return the page, without the description of the machine."""
    rounds = len({one.round for one in found})
    costs = {"rounds": rounds, "pages": PAGES, "page_rows": PAGE_ROWS, "costs": _table(found), "dropped": dropped}
    return PAGE.format(machine="{machine}", **costs, **facts)


def insert(server: Server, log: Filled, scorer: Scorer, folder: Path, number: int) -> Cost:
    """Store pages of new rows."""
    spool = Spool(folder / log.name)
    (folder / log.name).mkdir(exist_ok=True)
    for _ in range(PAGES):
        spool.write("predictions", log_rows.page_lines(scorer, PAGE_ROWS, datetime.now(UTC)), since=1)

    def store() -> float:
        began = time.process_time()
        engine = log_tables.connect(log.url)
        with engine.connect() as connection:
            for page in spool.pages():
                insertion = PageInsertion(page, connection)
                insertion.run(is_final=True)
                if insertion.fault:
                    raise JobFailed(flags=[str(page)], problem=insertion.fault)
                spool.remove(page)
        engine.dispose()
        return time.process_time() - began

    return _cost(server, log, "insert", number, store)


def drift(server: Server, log: Filled, folder: Path, number: int) -> Cost:
    """Run the drift job over the last day.

    Raises:
        JobFailed: the job has no verdict, or did not read all rows.
    """
    flags = ["--log-url", log.url, "--from", log.start.isoformat(), "--to", log.end.isoformat()]
    output = folder / "var"

    def run() -> float:
        command = [sys.executable, "-m", "monitoring", "drift", "--output-dir", str(output), *flags]
        with (folder / "out").open("w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if (run_store.newest(output, "drift") or {}).get("verdict") not in ("drift", "no drift"):
            raise JobFailed(flags=flags, problem=(folder / "out").read_text().strip()[-300:])
        return usage.ru_utime + usage.ru_stime

    return _cost(server, log, "drift", number, run)


def prune(log: Filled) -> str:
    """Drop the oldest week, and return a sentence of what it cost."""
    engine = log_tables.connect(log.url)
    with engine.connect() as connection:
        before = connection.exec_driver_sql("SELECT pg_current_wal_insert_lsn()").scalar_one()
        began = time.perf_counter()
        told = pruning.run(PruneSettings(log_url=log.url, keep_days=(log_rows.WEEKS - 1) * 7))
        seconds = time.perf_counter() - began
        written = connection.scalar(
            sa.text("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), CAST(:before AS pg_lsn))"), {"before": before}
        )
    engine.dispose()
    what = told.partition(" from before")[0]
    logged = int(written or 0) / 1e6
    return (
        f"`prune` then {what}, in {seconds:.1f} s, with {logged:.1f} MB of write-ahead log. The time has the "
        "sample of each remaining week, of which PostgreSQL counts the values (ANALYZE)."
    )


def _cost(server: Server, log: Filled, step: str, number: int, run: Callable[[], float]) -> Cost:
    processor, blocks, began = server.processor_seconds(), _blocks(server, log), time.perf_counter()
    own = run()
    seconds = time.perf_counter() - began
    return Cost(
        number,
        log.name,
        step,
        own + server.processor_seconds() - processor,
        seconds,
        _blocks(server, log) - blocks,
    )


def _blocks(server: Server, log: Filled) -> int:
    engine = log_tables.connect(server.url())
    with engine.connect() as connection:
        query = "SELECT blks_read + blks_hit FROM pg_stat_database WHERE datname = %s"
        found = int(connection.exec_driver_sql(query, (log.name,)).scalar_one())
    engine.dispose()
    return found


def _table(found: Sequence[Cost]) -> str:
    lines = []
    for step in ("insert", "drift"):
        for words, name in _COLUMNS.items():
            values = {log: [getattr(one, name) for one in found if (one.log, one.step) == (log, step)] for log in LOGS}
            ratios = [large / small for small, large in zip(values["small"], values["large"], strict=True)]
            digits = 0 if name == "blocks" else 2
            shown = [f"{median(values[log]):,.{digits}f}" for log in LOGS]
            ratio = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            lines.append([f"{step}: {words}", *shown, ratio])
    return tables.table(["step", "small", "large", "ratio"], lines)


if __name__ == "__main__":
    sys.exit(main())
