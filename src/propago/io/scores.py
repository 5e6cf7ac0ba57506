"""Files of scores: how much each pixel of a frame belongs to each object, before a decision."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch

from propago.errors import MaskError
from propago.io.atomic import replacing
from propago.types import Scores

SCORE_SUFFIXES = (".npz", ".npy")

_LEGAL = (
    "scores are a .npz with `ids` (K,) and `probabilities` (K, H, W), as `propago segment "
    "--save-scores` writes, or a .npy of (K, H, W) or (H, W) whose objects are called 1 to K"
)


def write_scores(path: Path, scores: Scores) -> None:
    """Write a compressed .npz of ids and float16 probabilities; the file is whole or not there.

    Raises:
        OutputError: it cannot be written.
    """
    half = scores.probabilities.half().numpy(force=True)
    with replacing(path) as unfinished, open(unfinished, "wb") as file:
        np.savez_compressed(file, ids=np.array(scores.ids, np.int64), probabilities=half)


def read_scores(path: Path) -> Scores:
    """The scores in a .npz or .npy file.

    Raises:
        MaskError: unreadable, of another shape, or not numbers in [0, 1].
    """
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            planes = content[None] if content.ndim == 2 else content
            ids = np.arange(1, len(planes) + 1)
        else:
            with content:
                ids, planes = content["ids"], content["probabilities"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise MaskError(f"{path} cannot be read as scores ({error}); {_LEGAL}") from error
    if planes.ndim != 3 or ids.shape != planes.shape[:1]:
        raise MaskError(f"{path} holds {planes.shape} scores of {ids.shape} ids; {_LEGAL}")
    try:
        return Scores(tuple(map(int, ids)), as_probabilities(planes))
    except MaskError as error:
        raise MaskError(f"{path}: {error}; {_LEGAL}") from error


def as_probabilities(planes: np.ndarray) -> torch.Tensor:
    """Any numbers in [0, 1], or bool, of any shape as a float32 tensor of its own.

    Raises:
        MaskError: not numbers, NaN, or beyond [0, 1].
    """
    if planes.dtype.kind not in "biuf":
        raise MaskError(f"scores are numbers; these are {planes.dtype}")
    low, high = (planes.min(), planes.max()) if planes.size else (0, 0)
    if not (low >= 0 and high <= 1):
        raise MaskError(
            f"scores are in [0, 1], these reach from {low} to {high}: apply a sigmoid to logits, "
            "divide 8-bit values by 255, give a label map as a mask or one plane an object"
        )
    return torch.from_numpy(planes.astype(np.float32))
