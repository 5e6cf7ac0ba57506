"""Two label maps counted against each other in one pass."""

import numpy as np

from propago.errors import MaskError, ShapeError


def joint_counts(
    gt: np.ndarray, prediction: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of labels that occur at the same pixel, and how often.

    Counts runs of equal pairs, not pixels: maps of a few regions cost little.

    Args:
        gt: (H, W) integer labels, 0 to 65535.
        prediction: (H, W) likewise.

    Returns:
        (N,) label in `gt`, (N,) label in `prediction`, (N,) int64 pixels; no pair twice.

    Raises:
        ShapeError: the maps differ in size.
        MaskError: labels that are no integers or out of range.
    """
    if gt.shape != prediction.shape:
        raise ShapeError(f"ground truth is {gt.shape}, prediction {prediction.shape}")
    for name, labels in (("ground truth", gt), ("prediction", prediction)):
        _check_labels(name, labels)
    bits, dtype = (8, np.uint16) if gt.dtype == prediction.dtype == np.uint8 else (16, np.uint32)
    pairs = (gt.astype(dtype) << bits | prediction.astype(dtype)).ravel()
    starts = np.append(0, np.flatnonzero(pairs[1:] != pairs[:-1]) + 1)[: pairs.size]
    lengths = np.diff(starts, append=pairs.size)
    present, inverse = np.unique(pairs[starts], return_inverse=True)
    pixels = np.bincount(inverse, lengths, len(present)).astype(np.int64)
    return (present >> bits).astype(np.int64), (present & (2**bits - 1)).astype(np.int64), pixels


def _check_labels(name: str, labels: np.ndarray) -> None:
    if labels.dtype in (np.uint8, np.uint16, np.bool_):
        return
    if labels.dtype.kind not in "iu":
        raise MaskError(f"the {name} is {labels.dtype}; a label map holds integers")
    if labels.size and not 0 <= labels.min() <= labels.max() <= 0xFFFF:
        raise MaskError(
            f"the {name} holds labels {labels.min()} to {labels.max()}; legal are 0 to 65535"
        )
