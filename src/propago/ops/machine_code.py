"""Functions compiled by numba, kept on the disk where that takes them."""

import shutil
import warnings
from collections.abc import Callable
from typing import Any

from numba import njit

from propago.errors import PropagoWarning

_ROOM_BYTES = 16 << 20


def compiled(**options: Any) -> Callable[[Callable], Any]:
    """`numba.njit(**options)`, whose code later runs find on the disk.

    Where neither the package's folder nor the home can be written, or the disk is full, a
    `PropagoWarning` says so once, and every run compiles by itself.
    """

    def decorate(function: Callable) -> Any:
        try:
            kept = njit(cache=True, **options)(function)
            if shutil.disk_usage(str(kept.stats.cache_path)).free >= _ROOM_BYTES:
                return kept
            why = "the disk is full"
        except (RuntimeError, OSError):
            why = "neither the package's folder nor the home can be written"
        warnings.warn(
            f"compiled code is not kept: {why}. Every run compiles for some seconds; "
            "NUMBA_CACHE_DIR names a folder for it",
            PropagoWarning,
            stacklevel=1,
        )
        return njit(**options)(function)

    return decorate
