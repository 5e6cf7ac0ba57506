"""How the networks of Seg-with-SPN are tuned and run."""

from dataclasses import dataclass, field
from typing import Literal

from propago.errors import UsageError
from propago.finetune.loop import FineTuneSettings
from propago.finetune.warp import WarpSettings

WARP = WarpSettings(shift=0.15, rotation_deg=12, scale=0.25)
"""Farther than the released code goes: 120 steps on `val` end at a J of .804 instead of .775."""


@dataclass(frozen=True)
class SegSettings:
    """How the networks are tuned on annotated frames and run on all others.

    Attributes:
        size: short side in pixels that frames are worked on at; results have the frame's size.
        per: one network for each "object", or one for all objects of the "video" (Table 1).
        tune_foreground: tune the foreground network too; False is "-FT" of Table 2.
        fixed: parameters whose names begin with one of these do not learn.
        annotations: how many annotated frames are remembered: the first, and the latest others;
            and the latest of each object.
        jaccard: weight of the soft Jaccard distance beside the balanced cross-entropy; the paper's
            loss is 0.
        warp: how an annotated frame is varied.
        tune: how a network learns from it.
    """

    size: int = 304
    per: Literal["object", "video"] = "object"
    tune_foreground: bool = True
    fixed: tuple[str, ...] = ()
    annotations: int = 4
    jaccard: float = 1.0
    warp: WarpSettings = WARP
    tune: FineTuneSettings = field(default_factory=FineTuneSettings)

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            UsageError: a number is out of its range, or there is no such `per`.
        """
        if self.size < 64:
            raise UsageError(f"size {self.size}: the working size is at least 64 px")
        if self.per not in ("object", "video"):
            raise UsageError(f"per {self.per!r}: there are object and video")
        if "score.weight".startswith(self.fixed):
            raise UsageError(f"fixed {self.fixed}: the last layer, score, has to learn")
        if self.annotations < 2 or self.jaccard < 0:
            raise UsageError(
                f"annotations {self.annotations}, jaccard {self.jaccard}: at least 2 annotated "
                "frames are remembered, and the weight is at least 0"
            )
