"""Returns freed memory to the operating system."""

import ctypes
import sys

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h
_LARGE_BYTES = 1 << 20


def return_freed_memory() -> None:
    """Make glibc return freed blocks of 1 MiB and more to the operating system, until the process ends.

    By default, glibc keeps freed blocks of up to 32 MB for later arrays. For a million rows, that is as much memory as
    the rest of the fit uses. Nothing changes with another C library.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
