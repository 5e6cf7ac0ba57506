"""Folders and globs of still images as a source, and one still as a tensor."""

import glob
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from propago.errors import SourceError
from propago.io import jpeg
from propago.io.names import is_hidden, natural_key, visible
from propago.io.png import palette_of
from propago.io.source import Source
from propago.io.tiff_pages import is_tiff, read_rgb_page, tiff_pages
from propago.ops.image import image_from_rgb
from propago.types import Frame

STILL_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
TIFF_SUFFIXES = (".tif", ".tiff")
_CAMERA_BITS = (8, 10, 12, 14, 16)
_MASK_WORD = re.compile(
    "(^|[^a-z])(masks?|labels?|seg|segmentation|annotations?|gt|mattes?|outlines|flows)([^a-z]|$)"
)
_PNG_END = b"IEND\xaeB`\x82"


def open_stills(paths: list[Path], name: str, where: Path, wanted: range) -> Source:
    """A source of image files, in natural order of their names (frame2 before frame10).

    Images are turned as their EXIF orientation says. 8-bit values are divided by 255, 16-bit PNG
    by 65535, 16-bit TIFF by `full_scale` of the first file; grey becomes RGB, alpha is dropped.

    Args:
        paths: image files.
        name: the source's name.
        where: the folder or pattern they came from, for messages.
        wanted: indices to select.

    Raises:
        SourceError: no file, two files with one stem, masks among the frames, an unreadable first
            file, or nothing selected; while iterating, an unreadable file or one of another size.
    """
    files = sorted(paths, key=lambda path: natural_key(path.name))
    _refuse_double_stems(files, where)
    _refuse_masks(files, where)
    selected = within(wanted, len(files), where)
    first = read_rgb(files[0])
    size = first.shape[:2] if selected.start == 0 else read_rgb(files[selected.start]).shape[:2]
    scale = full_scale(first, files[0])
    return Source(
        name=name,
        path=where,
        size=(int(size[0]), int(size[1])),
        fps=None,
        frame_count=len(selected),
        selected=selected,
        read=partial(_read_stills, files, (int(size[0]), int(size[1])), scale),
        stems=tuple(path.stem for path in files),
    )


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


def within(wanted: range, count: int, where: Path) -> range:
    """The part of `wanted` that a source of `count` frames has.

    Raises:
        SourceError: there is none.
    """
    selected = range(wanted.start, min(wanted.stop, count), wanted.step)
    if not selected:
        raise SourceError(
            f"{where} has {count} frames, 0 to {count - 1}; starting at {wanted.start} selects none"
        )
    return selected


def full_scale(first: np.ndarray, path: Path) -> float:
    """The value that becomes 1.0, the same for every frame of a source.

    255 for 8 bits and 65535 for 16. A 16-bit TIFF is taken for a microscope's or camera's: of 8,
    10, 12, 14 and 16 bits, the fewest that hold the maximum of the first frame (later, brighter
    pixels are clipped to 1).

    Raises:
        SourceError: neither 8 nor 16 bits.
    """
    if first.dtype == np.uint8:
        return 255.0
    if first.dtype != np.uint16:
        raise SourceError(
            f"{path} holds {first.dtype} values; images have 8 or 16 bits per channel: convert it"
        )
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return 65535.0
    peak = int(first.max(initial=0))
    return float(next(2**bits - 1 for bits in _CAMERA_BITS if peak < 2**bits))


def read_rgb(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 or uint16 RGB of an image file, in display orientation.

    Raises:
        SourceError: missing, cut off or unreadable.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    if is_tiff(data[:4].tobytes()):
        return _only_page(path)
    whole = data.size > 0 and not _is_cut_off(data.tobytes())
    rgb = _decoded(data.tobytes()) if whole else None
    if rgb is None:
        state = "is empty" if data.size == 0 else "is no readable image" if whole else "is cut off"
        raise SourceError(f"{path} {state}; replace the file or leave it out")
    return rgb


def _only_page(path: Path) -> np.ndarray:
    pages = tiff_pages(path)
    if len(pages) != 1:
        raise SourceError(
            f"{path} holds {len(pages)} pages; in a folder of frames a file is one frame. Give a "
            "stack by itself, or split it"
        )
    return read_rgb_page(path, pages[0])


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


def _read_stills(
    files: list[Path], size: tuple[int, int], scale: float, wanted: range
) -> Iterator[Frame]:
    for index in wanted:
        rgb = read_rgb(files[index])
        if rgb.shape[:2] != size:
            raise SourceError(
                f"{files[index]} is {rgb.shape[1]}x{rgb.shape[0]}, the frames before it "
                f"{size[1]}x{size[0]}; all frames of a source have one size"
            )
        yield Frame(image_from_rgb(rgb, scale), index, files[index].stem)


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
