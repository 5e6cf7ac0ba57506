"""A multi-page TIFF as a source: one page, one frame."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from propago.errors import SourceError
from propago.io.source import Source
from propago.io.stills import full_scale, within
from propago.io.tiff_pages import TiffPage, read_rgb_page, tiff_pages
from propago.ops.image import image_from_rgb
from propago.types import Frame


def open_tiff(path: Path, wanted: range) -> Source:
    """A source of the pages of a TIFF, 8 or 16 bits, grey or colour.

    Pages count in the order of the file, whatever its channels and slices mean. 16 bits are
    scaled by `full_scale` of page 0.

    Raises:
        SourceError: unreadable, not 8 or 16 bits, or nothing selected; while iterating, a broken
            page or one of another size.
    """
    pages = tiff_pages(path)
    selected = within(wanted, len(pages), path)
    scale = full_scale(read_rgb_page(path, pages[0]), path)
    height, width, _ = read_rgb_page(path, pages[selected.start]).shape
    return Source(
        name=path.stem,
        path=path,
        size=(height, width),
        fps=None,
        frame_count=len(selected),
        selected=selected,
        read=partial(_read_pages, path, pages, (height, width), scale),
    )


def _read_pages(
    path: Path, pages: list[TiffPage], size: tuple[int, int], scale: float, wanted: range
) -> Iterator[Frame]:
    for index in wanted:
        rgb = read_rgb_page(path, pages[index])
        if rgb.shape[:2] != size:
            raise SourceError(
                f"page {index} of {path} is {rgb.shape[1]}x{rgb.shape[0]}, the pages before "
                f"it {size[1]}x{size[0]}; all frames of a source have one size"
            )
        yield Frame(image_from_rgb(rgb, scale), index, f"{index:05d}")
