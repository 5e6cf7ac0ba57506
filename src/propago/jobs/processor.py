"""How much of the processor a run takes, and where its chance comes from."""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import torch


@contextmanager
def processor(threads: int | None, seed: int) -> Iterator[None]:
    """Inside, PyTorch and OpenCV use `threads` threads and PyTorch's chance starts at `seed`.

    Before and after, everything is as it was. None leaves the numbers of threads alone.
    """
    torch_threads, cv2_threads = torch.get_num_threads(), cv2.getNumThreads()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if threads is not None:
            torch.set_num_threads(threads)
            cv2.setNumThreads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(torch_threads)
            cv2.setNumThreads(cv2_threads)
