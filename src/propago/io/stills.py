"""Folders and globs of still images as a source, and one still as a tensor."""

import glob
import re
from collections import Counter
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from propago.errors import SourceError, UsageError
from propago.io import jpeg
from propago.io.contrast import Contrast
from propago.io.names import is_hidden, natural_key, visible
from propago.io.picture_source import Pictures, picture_source
from propago.io.png import palette_of
from propago.io.source import Source
from propago.io.tiff_axes import all_pages, one_channel
from propago.io.tiff_pages import TiffPage, is_tiff, read_rgb_page, tiff_pages

STILL_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
TIFF_SUFFIXES = (".tif", ".tiff")
_MASK_WORD = re.compile(
    "(^|[^a-z])(masks?|labels?|seg|segmentation|annotations?|gt|mattes?|outlines|flows)([^a-z]|$)"
)
_FEWEST_NUMBERED = 5
_REGULAR = 0.8
_PNG_END = b"IEND\xaeB`\x82"


def open_stills(
    paths: list[Path],
    name: str,
    where: Path,
    wanted: range,
    contrast: Contrast | None = None,
    channel: int | None = None,
) -> Source:
    """A source of image files, in natural order of their names (frame2 before frame10).

    Images are turned as their EXIF orientation says. Grey becomes RGB, alpha is dropped;
    `contrast_of` says which values become black and white.

    Args:
        paths: image files.
        name: the source's name.
        where: the folder or pattern they came from, for messages.
        wanted: indices to select.
        contrast: the values that become black and white; found out if None.
        channel: of TIFFs that have several, counted from 1; the first if None.

    Raises:
        SourceError: no file, two files with one stem, masks among the frames, an unreadable first
            file, or nothing selected; while iterating, an unreadable file or one of another size.
        UsageError: there is no such channel.
    """
    files = sorted(paths, key=lambda path: natural_key(path.name))
    _refuse_double_stems(files, where)
    _refuse_masks(files, where)
    pictures = Pictures(
        [str(path) for path in files],
        partial(_read, files, channel),
        tuple(files),
        (*_notes(files[0], channel), *_missing(files)),
    )
    return picture_source(pictures, name, where, wanted, contrast)


def stills_in(folder: Path) -> list[Path]:
    """The image files directly in `folder`; hidden files and others are left out.

    Raises:
        SourceError: there are none.
    """
    found = [path for path in visible(folder) if is_still(path)]
    if not found:
        raise SourceError(
            f"{folder} holds no images; a folder of frames holds {', '.join(STILL_SUFFIXES)} "
            "files directly in it"
        )
    return found


def stills_matching(pattern: str) -> list[Path]:
    """The image files that a glob pattern names, hidden ones left out.

    Folders that exist are meant as they are written, also where they are named [x].

    Raises:
        SourceError: there are none.
    """
    folder = next(above for above in Path(pattern).parents if above.exists())
    inner = str(Path(pattern).relative_to(folder))
    found = [folder / name for name in glob.glob(inner, root_dir=folder, recursive=True)]
    found = [path for path in found if is_still(path) and not is_hidden(path)]
    if not found:
        raise SourceError(
            f"the pattern {pattern} matches no images ({', '.join(STILL_SUFFIXES)}); "
            "put it in quotes so that the shell leaves it alone"
        )
    return found


def is_still(path: Path) -> bool:
    """Whether the name of `path` is that of an image."""
    return path.suffix.lower() in STILL_SUFFIXES


def pictures_in(path: Path) -> int:
    """How many pictures an image file holds: several in an animation; 1 of what is damaged."""
    try:
        with Image.open(path) as picture:
            return getattr(picture, "n_frames", 1)
    except (OSError, SyntaxError, ValueError):
        return 1


def read_rgb(path: Path, channel: int | None = None) -> np.ndarray:
    """(H, W, 3) RGB of an image file as its values stand, in display orientation.

    Args:
        path: uint8 or uint16; of a TIFF any numbers.
        channel: of a TIFF that has several, counted from 1; the first if None.

    Raises:
        SourceError: missing, cut off or unreadable.
        UsageError: there is no such channel.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    if is_tiff(data[:4].tobytes()):
        return read_rgb_page(path, _one_page(path, channel)[0])
    if channel is not None:
        raise UsageError(f"`channel` is for TIFFs of several channels; {path} is none")
    whole = data.size > 0 and not _is_cut_off(data.tobytes())
    rgb = _decoded(data.tobytes()) if whole else None
    if rgb is None:
        state = "is empty" if data.size == 0 else "is no readable image" if whole else "is cut off"
        raise SourceError(f"{path} {state}; replace the file or leave it out")
    return rgb


def _notes(path: Path, channel: int | None) -> tuple[str, ...]:
    """What had to be chosen in the first of some files, which stands for the others."""
    with suppress(OSError), path.open("rb") as file:
        return _one_page(path, channel)[1] if is_tiff(file.read(4)) else ()
    return ()


def _missing(files: list[Path]) -> tuple[str, ...]:
    """Where numbers leave out frames that should be there, as where a renderer dropped some."""
    numbers = [int(found[-1]) for path in files if (found := re.findall("[0-9]+", path.stem))]
    alike = {re.sub("[0-9]+", "0", path.stem) for path in files}
    if len(alike) > 1 or len(numbers) < max(len(files), _FEWEST_NUMBERED):
        return ()
    steps = [after - before for before, after in pairwise(numbers)]
    usual, often = Counter(steps).most_common(1)[0]
    gaps = [n for n, step in enumerate(steps) if usual > 0 and step > usual]
    if not gaps or often < _REGULAR * len(steps) or any(steps[n] % usual for n in gaps):
        return ()
    missing = sum(steps[n] // usual - 1 for n in gaps)
    more = f" and in {len(gaps) - 1} more place{'s' * (len(gaps) > 2)}" if len(gaps) > 1 else ""
    return (
        f"by their numbers {missing} frame{'s are' if missing > 1 else ' is'} missing, between "
        f"{files[gaps[0]].name} and {files[gaps[0] + 1].name}{more}: those around follow each "
        "other at once",
    )


def _one_page(path: Path, channel: int | None) -> tuple[TiffPage, tuple[str, ...]]:
    pages, notes = one_channel(path, all_pages(path, tiff_pages(path)), channel)
    if len(pages) != 1:
        raise SourceError(
            f"{path} holds {len(pages)} pages; in a folder of frames a file is one frame. Give a "
            "stack by itself, or split it"
        )
    return pages[0], notes


def _decoded(data: bytes) -> np.ndarray | None:
    """An image; the end marker of JPEG is added, where it lacks, for OpenCV refuses such files."""
    ended = data + jpeg.END if data.startswith(jpeg.BEGIN) else data
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_ANYDEPTH
    return cv2.imdecode(np.frombuffer(ended, np.uint8), flags)


def _is_cut_off(data: bytes) -> bool:
    """Whether a JPEG or PNG misses its end, which decoders fill up with grey in silence."""
    if data.startswith(jpeg.BEGIN):
        return not jpeg.is_whole(data)
    return data.startswith(b"\x89PNG") and _PNG_END not in data


def _read(files: list[Path], channel: int | None, index: int) -> np.ndarray:
    return read_rgb(files[index], channel)


def _refuse_double_stems(files: list[Path], where: Path) -> None:
    seen: dict[str, Path] = {}
    for path in files:
        if path.stem in seen:
            raise SourceError(
                f"{where}: {seen[path.stem].name} and {path.name} would both be frame "
                f"'{path.stem}', and their masks one file; move one of them away"
            )
        seen[path.stem] = path


def _refuse_masks(files: list[Path], where: Path) -> None:
    """Refuse masks that lie among the frames, told by their names or by a palette of their own."""
    patterns = Counter(re.sub("[0-9]+", "0", path.name) for path in files)
    usual, n = patterns.most_common(1)[0]
    named = [path for path in files if _MASK_WORD.search(path.stem.lower())]
    odd = [path for path in files if re.sub("[0-9]+", "0", path.name) != usual] if n > 1 else []
    masks = named if len(named) < len(files) else []
    if masks := masks or [path for path in odd if palette_of(path)]:
        raise SourceError(
            f"{where} holds frames and {len(masks)} files that look like masks, such as "
            f"{masks[0].name}; move them to a folder of their own"
        )
