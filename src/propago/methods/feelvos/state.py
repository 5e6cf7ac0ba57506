"""What FEELVOS knows of a video so far: values that a checkpoint holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from propago.finetune.annotated import AnnotatedFrame
from propago.methods.feelvos.crops import Crops
from propago.methods.feelvos.memory import Memory
from propago.methods.feelvos.window import Window
from propago.ops.ridge import Examples
from propago.ops.wholes import Courses


@dataclass(frozen=True)
class PreviousFrame:
    """The previous frame: its memory, its picture (3, h, w), its masks (K, h, w)."""

    memory: Memory
    picture: Tensor
    masks: Tensor


@dataclass(frozen=True)
class Followed:
    """Objects that are followed through pictures of one size (h, w).

    Attributes:
        ids: the objects, in the order of every K axis.
        anchors: memories of annotated frames.
        recent: memories of other frames, oldest first.
        previous: the previous frame; None where nothing is followed.
        frames: how many frames were seen since the first mask.
        appearance: what tells each object from its surroundings, of all annotated frames; None
            before the first, and where it does not count.
    """

    ids: tuple[int, ...] = ()
    anchors: tuple[Memory, ...] = ()
    recent: tuple[Memory, ...] = ()
    previous: PreviousFrame | None = None
    frames: int = 0
    appearance: Examples | None = None


@dataclass(frozen=True)
class Look:
    """A second look at a small object.

    Attributes:
        window: where the next frame is looked at; None while the object is large.
        centre: (y, x) of the object in the frame before, frame pixels.
        followed: the object, and all others as one, in the enlarged window.
    """

    window: Window | None
    centre: tuple[float, float]
    followed: Followed


@dataclass(frozen=True)
class FeelvosState:
    """Everything that is known.

    Attributes:
        whole: all objects, in the whole frame.
        looks: by object, the second looks.
        courses: of the objects in the whole frame, to know who is who after they meet.
        annotated: the first and the latest annotated frames, kept for fine-tuning alone.
        crops: what of the next frames is encoded.
        head: parameters of the head fine-tuned on them, by name; None without fine-tuning.
    """

    whole: Followed = Followed()
    looks: Mapping[int, Look] = field(default_factory=dict)
    courses: Courses = field(default_factory=Courses)
    annotated: tuple[AnnotatedFrame, ...] = ()
    head: Mapping[str, Tensor] | None = None
    crops: Crops = field(default_factory=Crops)
