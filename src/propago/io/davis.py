"""The sequences of a data set in the DAVIS folder layout, each as a source of frames."""

from pathlib import Path

from propago.errors import SourceError
from propago.io.contrast import Contrast, require_contrast
from propago.io.davis_layout import PICTURES, sequences_in
from propago.io.names import find_list, names_in, visible
from propago.io.pace import paced
from propago.io.source import Source, selection
from propago.io.stills import is_still, open_stills, stills_in


def is_davis_root(path: Path) -> bool:
    """Whether `path` is a folder with sequences in JPEGImages (DAVIS, YouTube-VOS)."""
    top = path / PICTURES
    return top.is_dir() and bool(_sequences(sequences_in(top)))


def open_davis(
    root: Path,
    set_file: Path | None = None,
    *,
    start: int | None = None,
    end: int | None = None,
    every: int = 1,
    contrast: Contrast | None = None,
    channel: int | None = None,
    fps: float | None = None,
) -> list[Source]:
    """One source per sequence, in the order of the set.

    Args:
        root: a folder for which `is_davis_root` holds. 480p is preferred to full resolution.
        set_file: one sequence name per line, or DAVIS 2016's pairs of paths; also the name of a
            file in the root's ImageSets. None means every sequence.
        start: see `open_source`.
        end: see `open_source`.
        every: see `open_source`.
        contrast: see `open_source`.
        channel: see `open_source`.
        fps: see `open_source`.

    Raises:
        SourceError: no DAVIS root, no such set, or a sequence in it that is missing.
    """
    if not root.exists():
        raise SourceError(f"{root} does not exist; it is a DAVIS root").of_argument()
    if not is_davis_root(root):
        raise SourceError(
            f"{root} has not the DAVIS layout: JPEGImages/480p/<sequence>/00000.jpg, "
            "Annotations/480p/<sequence>/00000.png"
        )
    require_contrast(contrast)
    level, wanted = sequences_in(root / PICTURES), selection(start, end, every)
    names = _sequences(level) if set_file is None else names_in(find_list(root, set_file))
    missing = [name for name in names if not (level / name).is_dir()]
    if missing:
        raise SourceError(
            f"{set_file} names {', '.join(missing[:5])}, absent from {level}; "
            f"there are {len(_sequences(level))} sequences, such as {_sequences(level)[0]}"
        )
    found = (
        open_stills(stills_in(level / name), name, level / name, wanted, contrast, channel)
        for name in names
    )
    return [paced(source, fps) for source in found]


def _sequences(level: Path) -> list[str]:
    return sorted(p.name for p in visible(level) if p.is_dir() and any(map(is_still, visible(p))))
