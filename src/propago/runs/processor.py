"""How much of the machine a run takes, and the seed of its random numbers."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import torch

from propago.errors import UsageError


@contextmanager
def processor(threads: int | None, seed: int) -> Iterator[None]:
    """Inside, PyTorch and OpenCV use `threads` threads, and PyTorch draws as `seed` says.

    Before and after, everything is as it was. None leaves the numbers of threads alone.
    """
    with torch.random.fork_rng(), at_most_threads(threads):
        torch.manual_seed(seed)
        yield


@contextmanager
def at_most_threads(threads: int | None) -> Iterator[None]:
    """Inside, PyTorch and OpenCV use `threads` threads; None leaves their numbers alone.

    Raises:
        UsageError: fewer than one.
    """
    if threads is None:
        yield
        return
    if threads < 1:
        raise UsageError(f"`threads` is {threads}; it is at least 1")
    torch_threads, cv2_threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(torch_threads)
        cv2.setNumThreads(cv2_threads)


def resident_mb() -> int:
    """How much of this process is in memory, in MB; 0 where the system does not say (not Linux)."""
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 2**20
    return 0


def give_back_memory() -> None:
    """Return freed memory to the system, which glibc alone puts off; elsewhere nothing happens.

    Called now and then, it halves the resident size of a run of PyTorch beside two threads.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # another C library than glibc
            ctypes.CDLL(None).malloc_trim(0)
