"""Memory that is used again from frame to frame."""

import numpy as np
from numpy.typing import DTypeLike


class Scratch:
    """Arrays by name, allocated once and handed out again for the next frame.

    Fresh arrays of a picture's size come from the operating system page by page, which takes
    longer than the arithmetic on them. One object serves one thread.

    Args:
        compiled: count by `propago.metrics.compiled`, which needs numba (extra `fast`).
    """

    def __init__(self, compiled: bool = False) -> None:
        self.compiled = compiled
        self._held: dict[str, np.ndarray] = {}

    def array(self, name: str, size: int, dtype: DTypeLike) -> np.ndarray:
        """(size,) uninitialised array that stays valid until `name` is asked for again."""
        need = size * np.dtype(dtype).itemsize
        held = self._held.get(name)
        if held is None or held.nbytes < need:
            held = self._held[name] = np.empty(need, np.uint8)
        return held[:need].view(dtype)
