"""Where the label maps of a data set and of results lie: DAVIS, YouTube-VOS, and plain folders.

A root holds its sequences, one folder each, directly or under `Annotations/480p` (or the like);
the label maps of a sequence are the PNG files of its folder or of its subfolder `masks`, and where
there are none its TIFFs or arrays. A folder that holds the label maps itself is a single sequence
of its own name. A zip file is the folder that was packed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from propago.errors import SourceError
from propago.io.davis_layout import ANNOTATIONS, sequences_in
from propago.io.labels import AS_IT_STANDS, LabelPolicy
from propago.io.names import visible
from propago.io.zipped import unpacked

MASKS = "masks"
_KINDS = ((".png",), (".tif", ".tiff"), (".npy", ".npz"))
"""Suffixes of label maps; of two kinds in one folder the first is meant."""


@dataclass(frozen=True)
class FrameFiles:
    """The true and the predicted label map of one frame, and what the files of each side mean."""

    name: str
    gt: Path
    pred: Path
    gt_policy: LabelPolicy = AS_IT_STANDS
    pred_policy: LabelPolicy = AS_IT_STANDS


@dataclass(frozen=True)
class SequenceFiles:
    """The frames of one sequence that are evaluated, in order, and its first true label map."""

    name: str
    frames: tuple[FrameFiles, ...]
    first_gt: Path


@dataclass(frozen=True)
class LabelFolders:
    """The sequences of a data set or of results.

    Attributes:
        root: the folder a user named.
        sequences: folder of label maps by sequence name, ascending.
        single: whether `root` is one sequence, so that its name need not match.
    """

    root: Path
    sequences: dict[str, Path]
    single: bool


def find_folders(root: Path, annotations: Sequence[str] = ()) -> LabelFolders:
    """The sequences under `root`.

    Args:
        root: a data set's root, a folder of sequences, or one sequence.
        annotations: names of the folder that holds the ground truth in a data set's root, in
            order of preference, e.g. "Annotations_unsupervised", "Annotations".

    Raises:
        SourceError: there is no such folder, or no PNG file in it.
    """
    root = unpacked(root)
    if not root.is_dir():
        other = "; `propago convert` makes one of other files of masks" if root.is_file() else ""
        raise SourceError(
            f"{root} is not a folder; masks come as a folder of sequences or one sequence of PNGs"
            + other
        ).of_argument()
    top = next((root / name for name in annotations if (root / name).is_dir()), root)
    bases = tuple(dict.fromkeys((sequences_in(top), sequences_in(root / ANNOTATIONS))))
    for kinds in (_KINDS[:1], _KINDS[1:]):
        for base in (root, *bases):
            if own := _masks_of(base, kinds):
                return LabelFolders(root, {_sequence_name(own): own}, single=True)
        for base in bases:
            inside = {path.name: _masks_of(path, kinds) for path in _folders(base)}
            if found := {name: masks for name, masks in inside.items() if masks}:
                return LabelFolders(root, found, single=False)
    if len(inner := _folders(root)) == 1:
        return replace(find_folders(inner[0], annotations), root=root)
    raise SourceError(
        f"{top} holds no PNG masks, nor TIFFs or arrays: neither its own nor one folder a sequence"
    )


def label_files(folder: Path, kinds: Sequence[tuple[str, ...]] = _KINDS) -> dict[str, Path]:
    """The label maps of a folder by stem, in the order of their names: 2 before 10."""
    there = visible(folder)
    for suffixes in kinds:
        if found := {path.stem: path for path in there if path.suffix.lower() in suffixes}:
            return found
    return {}


def _folders(base: Path) -> list[Path]:
    return sorted(path for path in visible(base) if path.is_dir())


def _masks_of(folder: Path, kinds: Sequence[tuple[str, ...]]) -> Path | None:
    """The folder itself or its subfolder `masks`, whichever holds label maps."""
    return next((place for place in (folder / MASKS, folder) if label_files(place, kinds)), None)


def _sequence_name(folder: Path) -> str:
    folder = folder.resolve()
    return folder.parent.name if folder.name in (MASKS, ANNOTATIONS) else folder.name
