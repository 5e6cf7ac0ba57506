"""A multi-page TIFF as a source: one page of a channel, one frame."""

from functools import partial
from pathlib import Path

import numpy as np

from propago.io.contrast import Contrast
from propago.io.picture_source import Pictures, picture_source
from propago.io.source import Source
from propago.io.tiff_axes import all_pages, interval_s, one_channel
from propago.io.tiff_pages import TiffPage, read_rgb_page, tiff_pages


def open_tiff(
    path: Path, wanted: range, contrast: Contrast | None = None, channel: int | None = None
) -> Source:
    """A source of the pages of a TIFF, grey or colour, of numbers of any type.

    Pages count in the order of the file; where it says that they are of several channels, those of
    one are taken; where it says how far apart in time they are, frames have times. `contrast_of`
    says which values become black and white.

    Raises:
        SourceError: unreadable, in time and depth at once, or nothing selected; while iterating, a
            broken page or one of another size.
        UsageError: there is no such channel.
    """
    every = all_pages(path, tiff_pages(path))
    pages, notes = one_channel(path, every, channel)
    titles = [f"page {n} of {path}" for n in range(len(pages))]
    read = partial(_read, path, pages)
    pictures = Pictures(titles, read, notes=notes, interval_s=interval_s(every))
    return picture_source(pictures, path.stem, path, wanted, contrast)


def _read(path: Path, pages: list[TiffPage], index: int) -> np.ndarray:
    return read_rgb_page(path, pages[index])
