"""What the connected-region-aware filter keeps."""

from dataclasses import dataclass
from typing import Literal

from propago.errors import UsageError
from propago.ranges import Ranged, ranged


@dataclass(frozen=True)
class CrafSettings(Ranged):
    """What the filter keeps.

    Attributes:
        regions: "best" keeps one connected region of an object, as the paper does. "consistent"
            is ours, because objects often have several parts: it keeps the best region, every
            one of which at least half lies within `reach_px` of the previous frame's, and every
            one larger than `alpha` of the largest; of an object that was absent it keeps all. A
            region that is like another object's previous one (`delta`), and more so than like
            its own, is not kept; in label maps only where the object has others, so that a new
            object may be where another one ended, as at the division of a cell.
        threshold: pixels with a higher score form an object's regions. The paper does not say;
            at 0.5 what the filter sees is what would be labelled.
        alpha: the best region is larger than this share of the object's largest one.
        beta: an object loses what another one covers, where that lies in it with more than this
            share of its own area; 1 leaves this step out (in Python also None). Of two objects
            that so cover each other the one that agrees less with its previous region loses (the
            paper does not say).
        gamma: an object with less than this share of its previous area looks for a lost region.
        delta: it adopts the unselected region, of any object, that agrees best with its previous
            one, if their Jaccard similarity is higher than this.
        reach_px: how far "consistent" lets small parts move, which is often by more than their
            size. Less removes more islands and loses more of what moves fast; 12 was chosen on
            our `val` sequences at 480p.
        least_iou: an object whose best region agrees less with its previous one is dropped.
        keep_small: keep also the better regions that `alpha` refuses.
        recover_from_px: only objects of at least this previous area adopt.
        holes_px: enclosed background up to this area becomes the object's.
        islands_px: regions below this area go, except the largest.
    """

    regions: Literal["best", "consistent"] = "consistent"
    threshold: float = ranged(0.5, least=0, most=1)
    alpha: float = ranged(0.2, least=0, most=1)
    beta: float | None = ranged(0.9, least=0, most=1)
    gamma: float = ranged(0.1, least=0, most=1)
    delta: float = ranged(0.4, least=0, most=1)
    reach_px: int = ranged(12, least=0)
    least_iou: float = ranged(0.0, least=0, most=1)
    keep_small: bool = False
    recover_from_px: int = ranged(0, least=0)
    holes_px: int = ranged(0, least=0)
    islands_px: int = ranged(0, least=0)

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            UsageError: it is.
        """
        if self.regions not in ("best", "consistent"):
            raise UsageError(f"regions {self.regions!r}: there are best and consistent")
        super().__post_init__()

    @classmethod
    def paper(cls) -> "CrafSettings":
        """The three steps as the paper has them."""
        return cls(regions="best")

    @classmethod
    def released(cls) -> "CrafSettings":
        """The rules of the published code, which has no coverage step.

        That code labels pixels of scores above 100/255. Here `SoftMasks.labels` decides as always.
        """
        return cls(
            regions="best",
            threshold=30 / 255,
            beta=None,
            gamma=0.3,
            delta=0.2,
            least_iou=0.01,
            keep_small=True,
            recover_from_px=100,
        )
