"""Where the spatial propagation network works."""

from dataclasses import dataclass

from propago.errors import require_range


@dataclass(frozen=True)
class SpnSettings:
    """Where the network works.

    Attributes:
        present: an object's box holds the pixels with a higher score.
        margin_px: around the box; what lies farther keeps its coarse score.
        cover_px: a crop of fewer pixels than this squared is enlarged, at most twice: thin parts of
            small objects are wider then, and cost no more than a larger object does. 0: never.
        whole_frame: work on the whole frame for every object, as the paper does.
    """

    present: float = 0.1
    margin_px: int = 8
    cover_px: int = 192
    whole_frame: bool = False

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            UsageError: it is.
        """
        require_range(self, "present", least=0, below=1)
        require_range(self, "margin_px", "cover_px", least=0)
