"""How the networks of Seg-with-SPN are fine-tuned and run."""

from dataclasses import dataclass, field
from typing import Literal

from propago.errors import UsageError
from propago.finetune.loop import FineTuneSettings
from propago.finetune.warp import WarpSettings
from propago.nn.inference import require_working_size

WARP = WarpSettings(shift=0.15, rotation_deg=12, scale=0.25)
"""Farther than the released code goes: 120 steps on `val` end at a J of .804 instead of .775."""


@dataclass(frozen=True)
class SegSettings:
    """How the networks are fine-tuned on annotated frames and run on all others.

    Attributes:
        size: short side in pixels that frames are worked on at; results have the frame's size.
        per: one network for each "object", or one for all objects of the "video" (Table 1).
        finetune_foreground: fine-tune the foreground network too; False is "-FT" of Table 2.
        frozen: parameters whose names begin with one of these are not fine-tuned.
        annotations: how many annotated frames are remembered: the first, and the latest others;
            and the latest of each object.
        jaccard: weight of the soft Jaccard distance beside the balanced cross-entropy; the paper's
            loss is 0.
        warp: how an annotated frame is varied.
        finetune: how a network is fine-tuned on it.
    """

    size: int = 304
    per: Literal["object", "video"] = "object"
    finetune_foreground: bool = True
    frozen: tuple[str, ...] = ()
    annotations: int = 4
    jaccard: float = 1.0
    warp: WarpSettings = WARP
    finetune: FineTuneSettings = field(default_factory=FineTuneSettings)

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            UsageError: a number is out of its range, or there is no such `per`.
        """
        require_working_size(self.size)
        if self.per not in ("object", "video"):
            raise UsageError(f"per {self.per!r}: there are object and video")
        if "score.weight".startswith(self.frozen):
            raise UsageError(f"frozen {self.frozen}: the last layer, score, has to be fine-tuned")
        if self.annotations < 2 or self.jaccard < 0:
            raise UsageError(
                f"annotations {self.annotations}, jaccard {self.jaccard}: at least 2 annotated "
                "frames are remembered, and the weight is at least 0"
            )
