"""A method of one's own: masks move as the whole picture does, for a camera that pans.

python examples/own_method.py VIDEO first_mask.png OUT
"""

import sys

import cv2
from torch import Tensor

import propago

State = tuple[Tensor, propago.SoftMasks] | None


class Pan:
    """The last masks, shifted by the phase correlation of the last picture and this one."""

    description = {"method": "pan"}
    look_ahead_frames = 0

    def begin(self) -> State:
        return None

    def predict(self, state: State, frame: propago.Frame) -> tuple[propago.SoftMasks, Tensor]:
        grey = frame.image.mean(0)
        if state is None:
            return propago.SoftMasks.none(frame.size), grey
        (x, y), _ = cv2.phaseCorrelate(state[0].numpy(), grey.numpy())
        return state[1].replaced(state[1].probabilities.roll((round(y), round(x)), (1, 2))), grey

    def update(self, state: State, grey: Tensor, masks: propago.SoftMasks, _: object) -> State:
        return grey, masks

    def aggregate(self, masks: propago.SoftMasks) -> propago.SoftMasks:
        return masks


print(propago.segment(sys.argv[1], sys.argv[2], method=Pan(), out=sys.argv[3]).masks)
