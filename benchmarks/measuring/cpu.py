"""CPU time of a server: of its own processes, and of the one that writes its log to the database."""

import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import process

SHIPPER = b"service.log.shipper"
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class CpuTime:
    """CPU time since the start, or between two readings."""

    server_seconds: float
    log_seconds: float

    def __sub__(self, earlier: "CpuTime") -> "CpuTime":
        """Return what was spent since an earlier reading."""
        return CpuTime(self.server_seconds - earlier.server_seconds, self.log_seconds - earlier.log_seconds)


def read(process_id: int) -> CpuTime:
    """Read the CPU time of a server and its child processes, to 10 ms; all 0 where the system has no /proc."""
    spent = {True: 0, False: 0}
    for found in process.family(process_id):
        folder = Path("/proc", str(found))
        try:
            fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
            spent[SHIPPER in (folder / "cmdline").read_bytes()] += int(fields[11]) + int(fields[12])
        except OSError:  # it has just ended
            continue
    return CpuTime(spent[False] / _TICKS_PER_SECOND, spent[True] / _TICKS_PER_SECOND)
