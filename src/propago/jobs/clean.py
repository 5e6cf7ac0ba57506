"""`propago clean`: anyone's masks of a video, made consistent from frame to frame."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from propago.errors import MaskError, SourceError
from propago.io.atomic import replacing
from propago.io.masks import write_mask
from propago.io.sequence_folders import find_folders, label_files
from propago.io.shared_policy import shared_policy
from propago.io.soft_masks import FOLDER as SCORES
from propago.io.soft_masks import soft_masks_in, write_soft_masks
from propago.jobs.options import Progress
from propago.jobs.places import make_folder, read_labels, refuse_results
from propago.refinement.craf.run import Craf
from propago.refinement.craf.settings import CrafSettings
from propago.types import SoftMasks

RUNS = Path("runs/clean")
MASKS, LOG = "masks", "clean.jsonl"


@dataclass(frozen=True)
class CleanResult:
    """One cleaned sequence.

    Attributes:
        name: of the sequence.
        masks: the folder of cleaned masks, named like those that came.
        scores: the folder of cleaned scores; None where label maps came.
        log: JSON lines, one for each thing that was done.
        frames: how many masks.
        pixels: by "removed", "adopted" and "filled", how many pixels in all.
    """

    name: str
    masks: Path
    scores: Path | None
    log: Path
    frames: int
    pixels: dict[str, int]


def clean(
    masks: str | Path,
    *,
    scores: bool = False,
    out: str | Path | None = None,
    settings: CrafSettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> list[CleanResult]:
    """Clean the masks of a video, or of several, with the connected-region-aware filter.

    The first mask of a video is taken for the truth. Void stays void.

    Args:
        masks: a folder of masks in the order of their names, one a frame; a folder that `segment`
            wrote; or a folder of such folders, one a video. Or a folder of scores (.npz, .npy) of
            one video; those that `segment` wrote go before its masks.
        scores: the PNGs are scores, not label maps: grey, of 8 or 16 bits, FRAME.png of one object
            or ID/FRAME.png of each.
        out: gets masks/ and clean.jsonl, and scores/ where scores came; in one folder a video
            where there are several; runs/clean/<name of the folder> if None.
        settings: what is kept.
        overwrite: delete earlier results in `out`.
        progress: called as (masks done, masks in all, name of the video).

    Returns:
        One result a video.

    Raises:
        SourceError: no folder, or no masks in it.
        MaskError: a mask is illegal, or of another size than the first.
        UsageError: `out` holds results, or lies among the masks.
        OutputError: the results cannot be written.
    """
    folder = Path(masks)
    base = Path(out) if out else RUNS / folder.resolve().name
    scored = soft_masks_in(folder, pictures=scores) if folder.is_dir() else {}
    if scores and not scored:
        raise SourceError(f"{folder} holds no grey PNGs of scores: FRAME.png or ID/FRAME.png")
    if scored:
        refuse_results(base, (MASKS, SCORES, LOG), [folder, folder / SCORES], overwrite)
        return [_clean_one(Craf(settings), folder.resolve().name, scored, base, progress)]
    folders = find_folders(folder)
    places = {name: base if folders.single else base / name for name in folders.sequences}
    for place in places.values():
        refuse_results(place, (MASKS, SCORES, LOG), folders.sequences.values(), overwrite)
    return [
        _clean_one(Craf(settings), name, _label_maps(own), places[name], progress)
        for name, own in folders.sequences.items()
    ]


def _label_maps(folder: Path) -> dict[str, Callable[[], np.ndarray]]:
    """What reads the label map of each frame, by the frame's name."""
    paths = label_files(folder)
    policy = shared_policy(paths.values())
    return {name: partial(read_labels, path, policy) for name, path in paths.items()}


def _clean_one(
    craf: Craf,
    name: str,
    frames: Mapping[str, Callable[[], np.ndarray | SoftMasks]],
    place: Path,
    progress: Progress | None,
) -> CleanResult:
    """Clean the label maps or the scores of one video, frame by frame."""
    make_folder(place / MASKS)
    state, size, pixels, kept = craf.begin(), None, Counter(), None
    with replacing(place / LOG) as unfinished, open(unfinished, "w", encoding="utf-8") as file:
        for done, (frame, read) in enumerate(frames.items(), 1):
            given = read()
            size = size or _size(given)
            _refuse_other_size(f"{name}: what came for frame {frame}", _size(given), size)
            if isinstance(given, SoftMasks):
                cleaned, events = craf.filter(state, given)
                state, labels, kept = craf.update(state, cleaned), cleaned.labels(), place / SCORES
                make_folder(kept)
                write_soft_masks(kept / f"{frame}.npz", cleaned)
            else:
                labels, state, events = craf.clean_labels(state, given)
            write_mask(place / MASKS / f"{frame}.png", labels)
            for event in events:
                file.write(json.dumps({"name": frame, **asdict(event)}) + "\n")
                pixels[event.what] += event.area_px
            if progress:
                progress(done, len(frames), name)
    return CleanResult(name, place / MASKS, kept, place / LOG, len(frames), dict(pixels))


def _size(given: np.ndarray | SoftMasks) -> tuple[int, ...]:
    """(H, W)."""
    return tuple(given.probabilities.shape[1:] if isinstance(given, SoftMasks) else given.shape)


def _refuse_other_size(what: str, shape: tuple[int, ...], size: tuple[int, ...]) -> None:
    if shape != size:
        raise MaskError(
            f"{what} is {shape[1]}x{shape[0]}, the masks before are "
            f"{size[1]}x{size[0]}; all masks of a video have one size"
        )
