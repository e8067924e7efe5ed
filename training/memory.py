"""Returns freed memory to the operating system."""

import ctypes
import sys

import pyarrow as pa

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h
_LARGE_BYTES = 1 << 20


def return_freed_memory() -> None:
    """Make glibc return freed blocks of 1 MiB and more to the operating system, until the process ends.

    By default, glibc keeps freed blocks of up to 32 MB for later arrays. For a million rows, that is as much memory as
    the rest of the fit uses. Nothing changes with another C library.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)


def trim() -> None:
    """Return what was freed in smaller blocks, and what Arrow keeps in an allocator of its own.

    It takes milliseconds, so it is done between the steps of a fit.
    """
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux" and (malloc_trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        malloc_trim(0)
