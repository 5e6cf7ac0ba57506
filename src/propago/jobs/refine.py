"""`propago refine`: anyone's masks of a video, sharpened along the edges of the picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from propago.errors import MaskError, ShapeError, SourceError
from propago.io.masks import write_mask
from propago.io.sequence_folders import label_files
from propago.io.shared_policy import shared_policy
from propago.io.soft_masks import FOLDER as SCORES
from propago.io.soft_masks import (
    SCORE_SUFFIXES,
    Reader,
    as_probabilities,
    soft_masks_in,
    write_soft_masks,
)
from propago.io.video import open_source
from propago.jobs.options import Progress
from propago.jobs.places import make_folder, read_labels, refuse_results
from propago.ops.image import image_from_rgb
from propago.refinement.spn.run import Spn
from propago.refinement.spn.settings import SpnSettings
from propago.types import VOID, Annotation, Frame, SoftMasks

RUNS = Path("runs/refine")
MASKS = "masks"

Planes = TypeVar("Planes", Tensor, np.ndarray)


@dataclass(frozen=True)
class RefineResult:
    """One refined sequence.

    Attributes:
        masks: the folder of sharper masks, named like those that came.
        scores: the folder of sharper scores; None where label maps came.
        frames: how many frames had masks.
    """

    masks: Path
    scores: Path | None
    frames: int


def refine(
    image: Tensor | np.ndarray,
    scores: Planes,
    *,
    weights: str | Path = "default",
    device: str = "auto",
    settings: SpnSettings | None = None,
) -> Planes:
    """Sharpen the scores of one picture along its edges, each object by itself.

    Args:
        image: (3, H, W) RGB in [0, 1] of any floating type, or an (H, W, 3) uint8 RGB array.
        scores: (K, H, W), or (H, W) of one object: floats in [0, 1] of any type, or bool.
        weights: "default", or a safetensors file that `propago train` wrote. They are read once.
        device: auto, cpu, cuda or mps.
        settings: where the network works.

    Returns:
        float32 in [0, 1], of the shape and kind of `scores`.

    Raises:
        ShapeError: the image is of another shape, type or range, or of another size than the
            scores.
        MaskError: scores that are not numbers in [0, 1].
        WeightsError: no such weights.
    """
    if isinstance(scores, Tensor):
        plain = scores.float() if scores.is_floating_point() else scores  # numpy has no bfloat16
        planes = as_probabilities(plain.numpy(force=True))
    else:
        planes = as_probabilities(np.asarray(scores))
    picture = _checked(image) if isinstance(image, Tensor) else _picture(image)
    rows = planes[None] if planes.ndim == 2 else planes
    spn = Spn(_loaded(weights, device).net, settings)
    refined = spn.refine(picture, rows).reshape(planes.shape)
    same = refined.to(scores.device) if isinstance(scores, Tensor) else refined.numpy(force=True)
    return cast(Planes, same)


def refine_masks(
    frames: str | Path,
    masks: str | Path,
    *,
    scores: bool = False,
    out: str | Path | None = None,
    refiner: Spn | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> RefineResult:
    """Sharpen the masks or scores of a video.

    Args:
        frames: a video file, a folder of frames, a glob pattern, a multi-page TIFF.
        masks: a folder of masks, or of scores (.npz, .npy), named by frame; or the folder that
            `segment` wrote, whose scores are taken if there are any. Frames without one are
            passed over.
        scores: the PNGs are scores, not label maps: grey, of 8 or 16 bits, FRAME.png of one object
            or ID/FRAME.png of each.
        out: gets masks/, and scores/ where scores came; runs/refine/<name of the source> if None.
        refiner: a network and where it works; `Spn.load()` if None.
        overwrite: delete earlier results in `out`.
        progress: called as (frames done, frames in all, name of the source).

    Raises:
        WeightsError: no such weights.
        SourceError: frames or masks cannot be found, or no mask is named like a frame.
        MaskError: a mask is illegal or of another size than its frame.
        UsageError: `out` holds results, or is where the masks come from.
        OutputError: the results cannot be written.
    """
    source, folder = open_source(frames), Path(masks)
    files = _files(folder, scores)
    scored = not isinstance(next(iter(files.values())), Path)
    place = Path(out) if out else RUNS / source.name
    kinds = (MASKS, SCORES) if scored else (MASKS,)
    inputs = [folder, *(path for kind in (MASKS, SCORES) if (path := folder / kind).is_dir())]
    refuse_results(place, (MASKS, SCORES), inputs, overwrite)
    for kind in kinds:
        make_folder(place / kind)
    policy = shared_policy(path for path in files.values() if isinstance(path, Path))
    spn, done = refiner or Spn.load(), 0
    for frame in source:
        file = files.get(frame.name)
        if file is None:
            continue
        given = read_labels(file, policy) if isinstance(file, Path) else file()
        what = file if isinstance(file, Path) else f"{folder}: the score map"
        _refuse_other_size(f"{what}", given, frame)
        refined = _refined(spn, frame, given, place / SCORES)
        write_mask(place / MASKS / f"{frame.name}.png", refined)
        done += 1
        if progress:
            progress(done, len(files), source.name)
    if not done:
        raise SourceError(
            f"no mask in {masks} is named like a frame of {frames}: masks are called "
            f"{next(iter(files))} and so on; frames are named by their file, those of a video by "
            "their index in five digits"
        )
    return RefineResult(place / MASKS, place / SCORES if scored else None, done)


def refined_labels(spn: Spn, image: Tensor, labels: np.ndarray) -> np.ndarray:
    """A label map whose objects are refined one at a time; the most probable one above 0.5 wins.

    Void stays void.

    Args:
        spn: the network and where it works.
        image: (3, H, W) RGB in [0, 1].
        labels: (H, W) uint8 or uint16; 0 background, 255 void where uint8.

    Returns:
        (H, W) of the type of `labels`.

    Raises:
        MaskError: `labels` are no label map.
        ShapeError: the image is of another size.
    """
    best = torch.full(labels.shape, 0.5)
    given, refined = Annotation(labels), np.zeros_like(labels)
    for object_id in given.ids:
        coarse = torch.from_numpy((labels == object_id).astype(np.float32))[None]
        sharper = spn.refine(image, coarse)[0]
        wins = sharper > best
        best = torch.where(wins, sharper, best)
        refined[wins.numpy()] = object_id
    refined[given.void] = VOID
    return refined


@lru_cache(maxsize=2)
def _loaded(weights: str | Path, device: str) -> Spn:
    return Spn.load(weights, device=device)


def _refined(spn: Spn, frame: Frame, given: np.ndarray | SoftMasks, folder: Path) -> np.ndarray:
    """The sharper label map of a frame; where scores came, theirs are written to `folder`."""
    if not isinstance(given, SoftMasks):
        return refined_labels(spn, frame.image, given)
    refined = spn(frame, given)
    write_soft_masks(folder / f"{frame.name}.npz", refined)
    return refined.labels()


def _picture(image: np.ndarray) -> Tensor:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ShapeError(
            f"an array that is a picture is (H, W, 3) uint8 RGB; this one is {image.shape} "
            f"{image.dtype}. Tensors are (3, H, W) in [0, 1]"
        )
    return image_from_rgb(image.copy())


def _checked(image: Tensor) -> Tensor:
    """(3, H, W) float32."""
    if image.ndim != 3 or image.shape[0] != 3 or not image.is_floating_point():
        raise ShapeError(
            f"a tensor that is a picture is (3, H, W) floating RGB in [0, 1]; this one is "
            f"{tuple(image.shape)} {image.dtype}. Arrays are (H, W, 3) uint8"
        )
    low, high = (float(a) for a in image.aminmax()) if image.numel() else (0.0, 0.0)
    if not (low >= 0 and high <= 1):
        raise ShapeError(
            f"a tensor that is a picture is in [0, 1]; this one reaches from {low:g} to {high:g}: "
            "divide 8-bit values by 255, undo a normalisation, leave no nan"
        )
    return image.float()


def _files(folder: Path, pictures: bool) -> Mapping[str, Path | Reader]:
    """By name of the frame: its label map, or what reads its scores."""
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder; masks come as a folder, one file a frame")
    scored = soft_masks_in(folder, pictures=pictures)
    if scored:
        return scored
    for place in () if pictures else (folder / MASKS, folder):
        if found := label_files(place):
            return found
    wanted = (
        "no grey PNGs of scores" if pictures else f"neither PNG nor {' nor '.join(SCORE_SUFFIXES)}"
    )
    raise SourceError(f"{folder} holds no masks: {wanted}")


def _refuse_other_size(what: str, given: np.ndarray | SoftMasks, frame: Frame) -> None:
    size = tuple(given.probabilities.shape[1:] if isinstance(given, SoftMasks) else given.shape)
    if size != frame.size:
        raise MaskError(
            f"{what} is {size[1]}x{size[0]}, its frame {frame.name} {frame.size[1]}x"
            f"{frame.size[0]}; scores and masks have the size of their frame"
        )
