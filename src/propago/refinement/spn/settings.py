"""Where the spatial propagation network works."""

from dataclasses import dataclass

from propago.ranges import Ranged, ranged


@dataclass(frozen=True)
class SpnSettings(Ranged):
    """Where the network works.

    Attributes:
        present: an object's box holds the pixels with a higher score.
        margin_px: around the box; what lies farther keeps its coarse score.
        cover_px: a crop of fewer pixels than this squared is enlarged, at most twice: thin parts of
            small objects are wider then, and cost no more than a larger object does. 0: never.
        whole_frame: work on the whole frame for every object, as the paper does.
    """

    present: float = ranged(0.1, least=0, below=1)
    margin_px: int = ranged(8, least=0)
    cover_px: int = ranged(192, least=0)
    whole_frame: bool = False
