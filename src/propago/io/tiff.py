"""A multi-page TIFF as a source: one page, one frame."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from propago.errors import SourceError
from propago.io.source import Source
from propago.io.stills import full_scale, within
from propago.ops.image import image_from_rgb
from propago.types import Frame

_WIDE_MODES = ("I;16", "I;16L", "I;16B", "I;16N")


def open_tiff(path: Path, wanted: range) -> Source:
    """A source of the pages of a TIFF, 8 or 16 bits, grey or colour.

    Pages count in the order of the file, whatever its channels and slices mean. 16-bit grey is
    scaled by `full_scale` of page 0; 16-bit colour is read with 8 bits.

    Raises:
        SourceError: unreadable, not 8 or 16 bits, or nothing selected; while iterating, a broken
            page or one of another size.
    """
    with _opened(path) as pages:
        selected = within(wanted, getattr(pages, "n_frames", 1), path)
        scale = full_scale(_page(pages, 0, path), path)
        size = _page(pages, selected.start, path).shape[:2]
    return Source(
        name=path.stem,
        path=path,
        size=(int(size[0]), int(size[1])),
        fps=None,
        frame_count=len(selected),
        selected=selected,
        read=partial(_read_pages, path, (int(size[0]), int(size[1])), scale),
    )


def _read_pages(path: Path, size: tuple[int, int], scale: float, wanted: range) -> Iterator[Frame]:
    with _opened(path) as pages:
        for index in wanted:
            rgb = _page(pages, index, path)
            if rgb.shape[:2] != size:
                raise SourceError(
                    f"page {index} of {path} is {rgb.shape[1]}x{rgb.shape[0]}, the pages before "
                    f"it {size[1]}x{size[0]}; all frames of a source have one size"
                )
            yield Frame(image_from_rgb(rgb, scale), index, f"{index:05d}")


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except (OSError, UnidentifiedImageError) as error:
        raise SourceError(f"{path} is no readable TIFF: {error}") from error


def _page(pages: Image.Image, index: int, path: Path) -> np.ndarray:
    """(H, W, 3) uint8 or uint16 of one page; other value types as they are, to be refused."""
    try:
        pages.seek(index)
        if pages.mode in (*_WIDE_MODES, "I", "F"):
            grey = np.asarray(pages)
            grey = grey.astype(np.uint16) if pages.mode in _WIDE_MODES else grey
            return np.repeat(grey[..., None], 3, axis=2)
        return np.array(pages.convert("RGB"))
    except (OSError, EOFError, SyntaxError, ValueError) as error:
        raise SourceError(
            f"{path} breaks at page {index}: {error}; the {index} pages before it can be read"
        ) from error
