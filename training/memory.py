"""Where memory goes that is not needed any more."""

import ctypes
import sys

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h
_LARGE_BYTES = 1 << 20


def give_back() -> None:
    """Let what is freed go back to the operating system from a mebibyte on, as long as the process lives.

    Of its own accord glibc keeps it for arrays to come, up to 32 MB of each: of a million rows, as much as the fit
    holds besides. Other libraries are left alone.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
