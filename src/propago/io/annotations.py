"""Which given mask belongs to which frame of a source."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from propago.conventions import VOID
from propago.errors import MaskError
from propago.io.davis import is_davis_root
from propago.io.davis_layout import davis_annotations
from propago.io.frame_names import named_frame, numbered_frames
from propago.io.masks import MASK_SUFFIXES, read_mask
from propago.io.names import visible
from propago.io.shared_policy import shared_policy
from propago.io.source import Source
from propago.io.stills import STILL_SUFFIXES
from propago.io.zipped import unpacked
from propago.types import Annotation

_PICTURES = tuple({*MASK_SUFFIXES, *STILL_SUFFIXES})


def read_annotations(
    path: Path, source: Source, *, fit: bool = False, only_first: bool = False
) -> tuple[dict[int, Annotation], tuple[str, ...]]:
    """Read the masks a person gives for a source.

    A file is the annotation of the first selected frame. In a folder each mask is named by its
    frame: like the frame's file where frames have files, else by the index (00012.png), or at
    least by its number (frame_000012.png); masks of all n frames may be called 1 to n. For a
    DAVIS root it is the annotation folder of the source's sequence. Masks without any object say
    nothing and are left out, and so are those of frames that the source does not select.

    Args:
        path: a mask file, a folder or zip file of masks, a DAVIS root.
        source: the frames the masks are for.
        fit: resize masks of another size (nearest neighbour) instead of refusing them.
        only_first: of a folder, take each object from the first mask it is in, and from no later
            one (semi-supervised protocol).

    Returns:
        Masks by `Frame.index`, ascending, and what had to be interpreted.

    Raises:
        MaskError: missing, illegal, of another size, a name that is no frame's, nothing left.
    """
    path = unpacked(path)
    folder = davis_annotations(path, source.name) if is_davis_root(path) else path
    if folder.is_dir():
        files, notes = _by_frame(folder, source)
    elif path.is_file():
        files, notes = {source.selected.start: path}, _other_frame(path, source)
    else:
        wanted = f"{folder} does not exist; give a mask file or a folder of masks"
        raise MaskError(wanted).of_argument()
    policy = shared_policy(files.values())
    given: dict[int, Annotation] = {}
    said: dict[str, list[str]] = {}
    known: set[int] = set()
    for index, file in files.items():
        mask = read_mask(file, policy, may_be_empty=folder.is_dir())
        masks = Annotation(_fitted(mask.labels, source, file, fit))
        new = set(masks.ids) - known
        if not (new if only_first else masks.ids):
            continue
        given[index] = _only(masks, new) if only_first and known else masks
        known |= new
        resized = (f"resized to {_wh(source.size)}",) if mask.labels.shape != source.size else ()
        for note in (*mask.notes, *_inverted(masks.labels), *resized):
            said.setdefault(note, []).append(file.name)
    if not given:
        raise MaskError(
            f"{folder} holds no mask with an object for a selected frame of {source.name}, "
            f"{_selected(source)}{''.join(f'; {note}' for note in notes)}; {_legal(source)}"
        )
    _refuse_all_beyond(folder, given, source)
    return given, (*notes, *(_summary(note, files) for note, files in said.items()))


def fit_mask(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A label map resized to (height, width) by nearest neighbour; ids are never mixed."""
    if labels.shape == size:
        return labels
    return cv2.resize(labels, (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT)


def _only(masks: Annotation, ids: set[int]) -> Annotation:
    """What is said of some objects alone."""
    return Annotation(np.where(np.isin(masks.labels, list(ids)), masks.labels, 0))


def _refuse_all_beyond(folder: Path, given: Iterable[int], source: Source) -> None:
    first, last = min(given), source.last
    if last is not None and first > last:
        raise MaskError(
            f"{folder} has masks from frame {first} on, and the last frame of {source.name} is "
            f"{last}; {_legal(source)}"
        )


def _by_frame(folder: Path, source: Source) -> tuple[dict[int, Path], tuple[str, ...]]:
    """The mask files of selected frames by index, and how many of others there are."""
    found: dict[int, Path] = {}
    files = [path for path in visible(folder) if path.suffix.lower() in _PICTURES]
    certain = {path.stem: named_frame(path.stem, source) for path in files}
    unsure = [stem for stem, index in certain.items() if index is None]
    numbered, notes = numbered_frames(unsure, source)
    for path in files:
        index = numbered.get(path.stem, certain[path.stem])
        if index is None:
            raise MaskError(f"{path} is named like no frame of {source.name}; {_legal(source)}")
        if index in found:
            raise MaskError(f"{found[index]} and {path} are both for one frame; remove one")
        found[index] = path
    if _counts_from_one(found, source):
        found = {i - 1: file for i, file in found.items()}
        notes = (f"the {len(found)} masks of {folder} count from 1: 1 is taken for frame 0",)
    selected = {i: found[i] for i in sorted(found) if i in source.selected}
    left_out = len(found) - len(selected)
    if left_out:
        first = min(set(found) - set(selected))
        which = f"frame {first} for instance"
        notes += (f"{left_out} masks of {folder} are for frames not selected, {which}",)
    return selected, notes


def _counts_from_one(found: Iterable[int], source: Source) -> bool:
    """Whether masks of all n frames of a video are called 1 to n."""
    n = source.frame_count
    whole = source.stems is None and source.selected.start == 0 and source.selected.step == 1
    return bool(whole and n and n > 1 and set(found) == set(range(1, n + 1)))


def _legal(source: Source) -> str:
    if source.stems is None:
        return f"masks are named by frame index: {source.selected.start:05d}.png"
    examples = ", ".join(f"{source.stems[i]}.png" for i in source.selected[:3])
    return f"masks are named like its files: {examples}, ..."


def _selected(source: Source) -> str:
    start, step, last = source.selected.start, source.selected.step, source.last
    upward = f"{start} to {last}" if last is not None else f"from {start} on"
    return f"frames {upward}" + f" in steps of {step}" * (step > 1)


def _other_frame(path: Path, source: Source) -> tuple[str, ...]:
    """A word of warning where a single file is named like a frame that is not the first."""
    index = named_frame(path.stem, source)
    if index in (None, source.selected.start):
        return ()
    return (
        f"{path.name} is taken for the first frame, {source.selected.start}; put it into a "
        f"folder to give it for frame {index}",
    )


def _fitted(labels: np.ndarray, source: Source, path: Path, fit: bool) -> np.ndarray:
    lies = labels.shape == source.size[::-1]
    if labels.shape == source.size or (fit and not lies):
        return fit_mask(labels, source.size)
    mend = "turn it by 90 degrees" if lies else "let it be resized (`fit_masks`)"
    raise MaskError(
        f"{path} is {_wh(labels.shape)}, the frames of {source.name} are {_wh(source.size)}; "
        f"draw it on a frame of the source, or {mend}"
    )


def _inverted(labels: np.ndarray) -> tuple[str, ...]:
    """A hint where one object lies all along the border, as in a mask that is inverted."""
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    if border[0] in (0, VOID) or (border != border[0]).any() or (labels == 0).sum() == 0:
        return ()
    return (f"object {border[0]} lies all along the border of the picture: is the mask inverted?",)


def _wh(size: tuple[int, ...]) -> str:
    return f"{size[1]}x{size[0]}"


def _summary(note: str, files: list[str]) -> str:
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"{files[0]}{more}: {note}"
