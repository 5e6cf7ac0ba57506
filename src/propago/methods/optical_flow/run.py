"""The first mask, carried by optical flow: a baseline without a network."""

from dataclasses import dataclass

import torch
from torch import Tensor

from propago.ops.aggregate import hard_max, one_hot
from propago.ops.flow import dis_flow, grey, warp
from propago.types import Annotation, Frame, SoftMasks


@dataclass(frozen=True)
class OpticalFlowState:
    """The previous frame: (K, H, W) rows of 0 and 1, and its (H, W) uint8 luma."""

    ids: tuple[int, ...] = ()
    masks: Tensor | None = None
    luma: Tensor | None = None


class OpticalFlow:
    """Every object moves with the pixels under it: DIS flow, bilinear warp, threshold 0.5."""

    look_ahead_frames = 0

    def __init__(self) -> None:
        self.description = {"method": "optical_flow"}

    def begin(self) -> OpticalFlowState:
        """No objects, no previous frame."""
        return OpticalFlowState()

    def predict(self, state: OpticalFlowState, frame: Frame) -> tuple[SoftMasks, Tensor]:
        """The previous masks warped to this frame, and this frame's luma."""
        now = grey(frame.image)
        if state.masks is None or state.luma is None or not state.ids:
            return SoftMasks.none(frame.size), torch.from_numpy(now)
        flow = torch.from_numpy(dis_flow(now, state.luma.numpy()))
        carried = warp(state.masks[None], flow[None])[0].clamp(0, 1)
        return SoftMasks(state.ids, carried), torch.from_numpy(now)

    def update(
        self,
        state: OpticalFlowState,
        features: Tensor,
        masks: SoftMasks,
        annotation: Annotation | None,
    ) -> OpticalFlowState:
        """The masks as they are now labelled, and the luma they belong to."""
        return OpticalFlowState(masks.ids, one_hot(masks), features)

    def aggregate(self, masks: SoftMasks) -> SoftMasks:
        """The best object wins."""
        return hard_max(masks)
