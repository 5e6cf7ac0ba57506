"""Where the spatial propagation network works."""

from dataclasses import dataclass

from propago.errors import UsageError


@dataclass(frozen=True)
class SpnSettings:
    """Where the network works.

    Attributes:
        present: an object's box holds the pixels with a higher score.
        margin_px: around the box; what lies farther keeps its coarse score.
        whole_frame: work on the whole frame for every object, as the paper does.
    """

    present: float = 0.1
    margin_px: int = 8
    whole_frame: bool = False

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            UsageError: it is.
        """
        if not 0 <= self.present < 1 or self.margin_px < 0:
            raise UsageError("present is in [0, 1), margin_px at least 0")
