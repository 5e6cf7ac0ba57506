"""Label maps that NumPy wrote: `.npy`, or a `.npz` with one array in it."""

from io import BytesIO
from pathlib import Path

import numpy as np

from propago.errors import MaskError

ARRAY_SUFFIXES = (".npy", ".npz")
_BEGINNINGS = (b"\x93NUMPY", b"PK\x03\x04")
_LEGAL = "a label map is (H, W), whole numbers or bool, alone in its file"


def is_array(head: bytes) -> bool:
    """Whether a file that begins like this is NumPy's."""
    return head.startswith(_BEGINNINGS)


def holds_labels(path: Path) -> bool:
    """Whether an array file holds a label map, not probabilities; False of one that is damaged."""
    try:
        values = _one_array(path.read_bytes())
    except (MaskError, OSError):
        return False
    numbers = values.dtype.kind in "iu" or (_is_whole(values) and values.max(initial=0) > 1)
    return values.ndim == 2 and numbers


def read_array(data: bytes) -> np.ndarray:
    """The (H, W) values of a label map: bool, or uint8 where nothing exceeds it, or any numbers.

    Raises:
        MaskError: damaged, several arrays, pickled objects, another shape, probabilities.
    """
    values = _one_array(data)
    values = values[..., 0] if values.ndim == 3 and values.shape[-1] == 1 else values
    values = values[0] if values.ndim == 3 and len(values) == 1 else values
    if values.ndim != 2 or values.size == 0 or values.dtype.kind not in "biuf":
        raise MaskError(
            f"it holds an array {values.shape} of {values.dtype}; {_LEGAL}. Of several frames or "
            "objects give one file each"
        )
    if not _is_whole(values):
        raise MaskError(f"its values are fractions, such as probabilities; {_LEGAL}")
    black_and_white = values.dtype.kind != "b" and set(np.unique(values).tolist()) == {0, 255}
    return values.astype(np.uint8) if black_and_white else values


def _one_array(data: bytes) -> np.ndarray:
    try:
        content = np.load(BytesIO(data), allow_pickle=False)
        if isinstance(content, np.ndarray):
            return content
        with content:
            names = content.files
            if len(names) == 1:
                return content[names[0]]
    except Exception as error:  # of a damaged file NumPy raises whatever it stumbles over
        raise MaskError(f"it cannot be read as an array ({error}); {_LEGAL}") from error
    raise MaskError(f"it holds {', '.join(names) or 'nothing'}; {_LEGAL}")


def _is_whole(values: np.ndarray) -> bool:
    return values.dtype.kind in "biu" or bool(
        np.isfinite(values).all() and (values == np.rint(values)).all()
    )
