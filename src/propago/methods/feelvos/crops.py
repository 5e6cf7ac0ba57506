"""What is encoded of a frame: the surroundings of the objects, where that is not nearly all.

Not in the paper. Matching sees less that looks like an object and is none, and most of the work
on a frame is in proportion to what is encoded of it.
"""

from dataclasses import dataclass

from torch import Tensor

from propago.methods.feelvos.rectangle import Rectangle, rectangle_around

ALIGNED = 4
"""Sides of a crop are multiples of so many positions: of one at the encoder's last stride."""

NEARLY_ALL = 0.85
"""A crop of more than this share of a frame saves less than it costs to begin one."""


@dataclass(frozen=True)
class Crops:
    """What is encoded of the next frame, and of the one after it; None is all.

    The latter is chosen two frames ahead, so that it is encoded while the next one is followed.
    """

    next: Rectangle | None = None
    after: Rectangle | None = None

    def moved_on(self, needed: Rectangle, chosen: Rectangle | None) -> "Crops":
        """One frame later; what was chosen of the next one holds if it shows all that is needed.

        Args:
            needed: what must be shown of the next frame.
            chosen: what is worth encoding of the one after it.
        """
        enough = self.after is None or self.after.covers(needed)
        return Crops(self.after if enough else chosen, chosen)


def crop_around(objects: Rectangle, margin: int, size: tuple[int, int]) -> Rectangle | None:
    """A part of a frame of `size` (h, w), in positions, with at least `margin` around `objects`.

    None, which is all of the frame, where that is nearly all.
    """
    aligned = objects.wider(size, margin).coarser(ALIGNED).finer(ALIGNED)
    crop = aligned.wider(size, 0)
    return crop if crop.area <= NEARLY_ALL * size[0] * size[1] else None


def extent_of(masks: Tensor, stride: int) -> Rectangle | None:
    """The positions of `stride` pixels in which all of `masks` (K, H, W) lie.

    None where one of them is empty.
    """
    if not (masks.flatten(1).amax(1) > 0.5).all():
        return None
    pixels = rectangle_around(masks.amax(0), 0.5, 0)
    assert pixels is not None
    return pixels.coarser(stride)
