"""What FEELVOS knows of a video so far: a value that a checkpoint holds."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from propago.finetune.annotated import AnnotatedFrame
from propago.methods.feelvos.memory import Memory


@dataclass(frozen=True)
class PreviousFrame:
    """The previous frame: its memory, its picture (3, h, w), its masks (K, h, w)."""

    memory: Memory
    picture: Tensor
    masks: Tensor


@dataclass(frozen=True)
class FeelvosState:
    """What is known of a video so far, at the working size (h, w).

    Attributes:
        ids: the objects, in the order of every K axis.
        anchors: memories of annotated frames.
        recent: memories of other frames, oldest first.
        previous: the previous frame; None where nothing is followed.
        frames: how many frames were seen since the first mask.
        annotated: the first and the latest annotated frames, kept for fine-tuning alone.
        head: parameters of the head fine-tuned on them, by name; None without fine-tuning.
    """

    ids: tuple[int, ...] = ()
    anchors: tuple[Memory, ...] = ()
    recent: tuple[Memory, ...] = ()
    previous: PreviousFrame | None = None
    frames: int = 0
    annotated: tuple[AnnotatedFrame, ...] = ()
    head: Mapping[str, Tensor] | None = None
