"""The first mask, repeated: what every method is measured against."""

from dataclasses import dataclass

from torch import Tensor

from propago.ops.aggregate import hard_max, one_hot
from propago.types import Annotation, Frame, SoftMasks


@dataclass(frozen=True)
class FirstMaskState:
    """The masks so far: (K, H, W) rows of 0 and 1; no rows before the first."""

    ids: tuple[int, ...] = ()
    masks: Tensor | None = None


class FirstMask:
    """Every object stays where it was last annotated."""

    look_ahead_frames = 0

    def __init__(self) -> None:
        self.description = {"method": "first_mask"}

    def begin(self) -> FirstMaskState:
        """No objects."""
        return FirstMaskState()

    def predict(self, state: FirstMaskState, frame: Frame) -> tuple[SoftMasks, None]:
        """The masks of the state, unmoved."""
        if state.masks is None:
            return SoftMasks.none(frame.size), None
        return SoftMasks(state.ids, state.masks), None

    def update(
        self,
        state: FirstMaskState,
        features: None,
        masks: SoftMasks,
        annotation: Annotation | None,
    ) -> FirstMaskState:
        """The masks as they are now labelled."""
        return FirstMaskState(masks.ids, one_hot(masks))

    def aggregate(self, masks: SoftMasks) -> SoftMasks:
        """The best object wins."""
        return hard_max(masks)
