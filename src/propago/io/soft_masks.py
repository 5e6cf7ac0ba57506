"""Files of soft masks: how much each pixel of a frame belongs to each object, before a decision."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from propago.errors import MaskError
from propago.io.array_masks import holds_labels
from propago.io.atomic import replacing
from propago.io.imread import imread
from propago.io.names import natural_key, visible
from propago.types import SoftMasks, require_probabilities

SCORE_SUFFIXES = (".npz", ".npy")
FOLDER = "scores"
"""Of the scores that `segment`, `refine` and `clean` write."""

Reader = Callable[[], SoftMasks]

_LEGAL = (
    "scores are a .npz with `ids` (K,) and `probabilities` (K, H, W), as `propago segment` "
    "with `save_scores` writes, or a .npy of (K, H, W) or (H, W) whose objects are called 1 to K"
)


def write_soft_masks(path: Path, scores: SoftMasks) -> None:
    """Write a compressed .npz of ids and float16 probabilities; the file is whole or not there.

    Raises:
        OutputError: it cannot be written.
    """
    half = scores.probabilities.half().numpy(force=True)
    with replacing(path) as unfinished, open(unfinished, "wb") as file:
        np.savez_compressed(file, ids=np.array(scores.ids, np.int64), probabilities=half)


def read_soft_masks(path: Path) -> SoftMasks:
    """The scores in a .npz or .npy file.

    Raises:
        MaskError: unreadable, of another shape, ids that are no integers, or scores that are not
            numbers in [0, 1].
    """
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            planes = content[None] if content.ndim == 2 else content
            ids = np.arange(1, len(planes) + 1)
        else:
            with content:
                ids, planes = content["ids"], content["probabilities"]
    except Exception as error:  # of a damaged file NumPy raises whatever it stumbles over
        raise MaskError(f"{path} cannot be read as scores ({error}); {_LEGAL}") from error
    if planes.ndim != 3 or ids.shape != planes.shape[:1]:
        raise MaskError(f"{path} holds {planes.shape} scores of {ids.shape} ids; {_LEGAL}")
    if ids.size and ids.dtype.kind not in "iu":
        raise MaskError(f"{path} has {ids.dtype} ids; ids are integers. {_LEGAL}")
    try:
        return SoftMasks(tuple(map(int, ids)), as_probabilities(planes))
    except MaskError as error:
        raise MaskError(f"{path}: {error}; {_LEGAL}") from error


def soft_masks_in(folder: Path, *, pictures: bool = False) -> dict[str, Reader]:
    """What reads the scores of each frame in a folder or its subfolder scores/, by frame name.

    Frames come in the order of their names, numbers as numbers: 2 before 10.

    Args:
        folder: holds FRAME.npz or FRAME.npy, as `read_soft_masks` takes them.
        pictures: it holds grey PNGs instead, of 8 or 16 bits: FRAME.png of one object, called 1;
            or ID/FRAME.png of each object.

    Returns:
        Nothing where the folder holds no scores, or arrays that are label maps.
    """
    for place in (folder / FOLDER, folder):
        if pictures:
            found = _pictures_in(place)
        else:
            files = _files(place, *SCORE_SUFFIXES)
            soft = files and not holds_labels(files[0])
            found = {p.stem: partial(read_soft_masks, p) for p in files} if soft else {}
        if found:
            return found
    return {}


def read_soft_mask_pictures(paths: dict[int, Path]) -> SoftMasks:
    """The scores of objects that have a grey PNG each; its highest value is certainty.

    Raises:
        MaskError: unreadable, of colours, or of sizes that differ.
    """
    planes = [_grey(path) for path in paths.values()]
    if len({plane.shape for plane in planes}) > 1:
        sizes = ", ".join(
            f"{path} {p.shape}" for path, p in zip(paths.values(), planes, strict=True)
        )
        raise MaskError(f"scores of one frame have one size; these have not: {sizes}")
    return SoftMasks(tuple(paths), torch.from_numpy(np.stack(planes)))


def _pictures_in(folder: Path) -> dict[str, Reader]:
    objects = {1: folder} if _files(folder, ".png") else {}
    for path in () if objects else visible(folder):
        if path.is_dir() and path.name.isdigit() and int(path.name) > 0:
            objects[int(path.name)] = path
    frames: dict[str, dict[int, Path]] = {}
    for i, own in sorted(objects.items()):
        for path in _files(own, ".png"):
            frames.setdefault(path.stem, {})[i] = path
    return {
        name: partial(read_soft_mask_pictures, frames[name])
        for name in sorted(frames, key=natural_key)
    }


def _files(folder: Path, *suffixes: str) -> list[Path]:
    return [path for path in visible(folder) if path.suffix.lower() in suffixes]


def _grey(path: Path) -> np.ndarray:
    """(H, W) float32 in [0, 1]."""
    picture = imread(path, cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 2 or picture.dtype.kind != "u":
        came = "unreadable" if picture is None else f"{picture.shape} {picture.dtype}"
        raise MaskError(
            f"{path} is {came}; scores as pictures are grey PNGs of 8 or 16 bits, FRAME.png of one "
            "object or ID/FRAME.png of each. Indexed PNGs are label maps: leave `scores` away"
        )
    certain = 255 if picture.dtype == np.uint8 else 65_535
    return picture.astype(np.float32) / certain


def as_probabilities(planes: np.ndarray) -> torch.Tensor:
    """Any numbers in [0, 1], or bool, of any shape as a float32 tensor of its own.

    Raises:
        MaskError: not numbers, NaN, or beyond [0, 1].
    """
    if planes.dtype.kind not in "biuf":
        raise MaskError(f"scores are numbers; these are {planes.dtype}")
    scores = torch.from_numpy(planes.astype(np.float32))
    require_probabilities(scores)
    return scores
