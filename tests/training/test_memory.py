"""Freed memory is returned to the operating system."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource

import numpy as np
from training import memory

memory.return_freed_memory()
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 1e6
np.ones(1_000_000)  # after which glibc would keep others as large
arrays = [np.ones(500_000) for _ in range(20)]
before = resident()
del arrays[:-1]
print(before - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries keep less")
def test_freed_arrays_go_back_to_the_operating_system() -> None:
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
    assert float(told) == pytest.approx(19 * 4, abs=2)
