"""Where the label maps of a data set and of results lie: DAVIS, YouTube-VOS, and plain folders.

A root holds its sequences, one folder each, directly or under `Annotations/480p` (or the like);
the label maps of a sequence are the PNG files of its folder or of its subfolder `masks`. A folder
that holds the label maps itself is a single sequence of its own name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from propago.errors import SourceError
from propago.io.davis_layout import sequences_in
from propago.io.labels import AS_IT_STANDS, LabelPolicy
from propago.io.names import visible

MASKS = "masks"


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
    if not root.is_dir():
        raise SourceError(
            f"{root} is not a folder; masks come as a folder of sequences or one sequence of PNGs"
        )
    base = _base(root, annotations)
    own = _masks_of(root) or _masks_of(base)
    if own is not None:
        return LabelFolders(root, {_sequence_name(own): own}, single=True)
    found = {folder.name: masks for folder in _subfolders(base) if (masks := _masks_of(folder))}
    if not found:
        raise SourceError(f"{base} holds no PNG masks: neither its own nor one folder a sequence")
    return LabelFolders(root, found, single=False)


def label_files(folder: Path) -> dict[str, Path]:
    """The PNG files of a folder by stem, in the order of their names: 2 before 10."""
    return {path.stem: path for path in _pngs(folder)}


def _pngs(folder: Path) -> Iterator[Path]:
    return (path for path in visible(folder) if path.suffix.lower() == ".png")


def _base(root: Path, annotations: Sequence[str]) -> Path:
    """The folder whose subfolders are sequences."""
    return sequences_in(next((root / name for name in annotations if (root / name).is_dir()), root))


def _subfolders(base: Path) -> list[Path]:
    return sorted(path for path in visible(base) if path.is_dir())


def _masks_of(folder: Path) -> Path | None:
    """The folder itself or its subfolder `masks`, whichever holds PNG files."""
    for candidate in (folder / MASKS, folder):
        if candidate.is_dir() and next(_pngs(candidate), None):
            return candidate
    return None


def _sequence_name(folder: Path) -> str:
    folder = folder.resolve()
    return folder.parent.name if folder.name == MASKS else folder.name
