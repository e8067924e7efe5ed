"""Fits a table in parts, in a process of its own, and writes what it took."""

import argparse
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

from benchmarks.measuring import cpu, process
from models.features import CONTRACT
from training import memory
from training.learning import model
from training.partitioned import executors, preparation
from training.partitioned.preparation import SnappedRows
from training.partitioned.snapped_part import MOST_EDGES
from training.settings import FitSettings

LEARNING = 9.0
"""Trees times learning rate, as in the served model."""


@dataclass
class Stages:
    """What the stages took, of this process and all that it started."""

    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    main_mb: float = 0
    """Most resident memory of the process that was started by hand, in 10^6 bytes."""
    worker_mb: list[float] = field(default_factory=list)
    """Most resident memory of each other process that held rows."""

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Measure a stage; no process that counts may end inside."""
        began, spent = time.perf_counter(), cpu.read(os.getpid()).server_seconds
        yield
        self.seconds[name] = round(time.perf_counter() - began, 2)
        self.cpu_seconds[name] = round(cpu.read(os.getpid()).server_seconds - spent, 2)


def fit(data: Path, *, processes: int, trees: int, to: Path) -> Stages:
    """Read, encode and learn once from all training rows; with 0 processes, in this one. Write the trees to a file."""
    memory.return_freed_memory()
    cluster = f"local:{processes}" if processes else None
    settings = FitSettings(data=str(data), cluster=cluster, edges=MOST_EDGES)
    parameters = dict(model.PARAMETERS) | {"n_estimators": trees, "learning_rate": LEARNING / trees}
    served = model.served(parameters=parameters, constraints=None, seed=settings.seed, threads=1)
    stages = Stages()
    with executors.opened(cluster) as executor:
        with stages.timed("passes"):
            rows = preparation.prepare(settings, CONTRACT, MOST_EDGES, executor).rows
        with stages.timed("learning"):
            classifier = cast(SnappedRows, rows).fit(served, None)
        to.write_bytes(classifier.get_booster().save_raw("ubj"))
        own = os.getpid()
        others = sorted(most_resident_mb(one) for one in process.family(own) if one != own)
        stages.main_mb, stages.worker_mb = most_resident_mb(own), others[len(others) - processes :]  # without helpers
    return stages


def most_resident_mb(process_id: int) -> float:
    """Return the most resident memory that a process has had, in 10^6 bytes; 0 if it has ended."""
    try:
        status = Path("/proc", str(process_id), "status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in status.split("\n") if line.startswith("VmHWM")), 0)


def main() -> None:
    """Fit, and write what it took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measuring.parts_fit")
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path, help="folder for trees.ubj and stages.json")
    parser.add_argument("--processes", type=int, default=0)
    parser.add_argument("--trees", type=int, required=True)
    options = parser.parse_args()
    found = fit(options.data, processes=options.processes, trees=options.trees, to=options.output / "trees.ubj")
    (options.output / "stages.json").write_text(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
