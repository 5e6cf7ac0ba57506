"""The spatial propagation network as ONNX parts: the guidance, and the propagation."""

from functools import partial

import torch
from torch import Tensor, nn

from propago.nn.onnx_parts import OnnxPart
from propago.ops.scan import DIRECTIONS, DIVISOR_FLOORS
from propago.ops.scan_exported import propagate_exported
from propago.refinement.spn.net import STRIDES, SpnNet

EXAMPLE = (48, 64)


def parts(net: SpnNet) -> list[OnnxPart]:
    """`guidance` takes pictures whose sides are padded to multiples of 16, by their last lines.

    What it says is cut back to the picture's size before `propagation`, which takes any.
    """
    image, mask = torch.rand(1, 3, *EXAMPLE), torch.rand(1, 1, *EXAMPLE)
    guidance = Guidance(net)
    x, gates = (said.detach().contiguous() for said in guidance(image, mask))
    padded = {2: (STRIDES[-1], "h16"), 3: (STRIDES[-1], "w16")}
    return [
        OnnxPart(
            "guidance",
            guidance,
            {"images": image, "coarse": mask},
            ("weighted", "gates"),
            {"images": padded, "coarse": padded},
        ),
        OnnxPart(
            "propagation",
            Propagation(net),
            {"weighted": x, "gates": gates},
            ("refined",),
            {"weighted": {2: "height", 3: "width"}, "gates": {4: "height", 5: "width"}},
            has_loop=True,
        ),
    ]


class Guidance(nn.Module):
    """What is propagated of images and coarse masks, and the gates."""

    def __init__(self, net: SpnNet):
        super().__init__()
        self.net = net

    def forward(self, images: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 2, H, W) and (1, 1, 4, 3, H, W)."""
        return self.net.weighted(coarse, self.net.guidance(images, coarse))


class Propagation(nn.Module):
    """(1, 1, H, W) sharper masks of what `Guidance` says."""

    def __init__(self, net: SpnNet):
        super().__init__()
        self.compared = net.compared
        self.propagate = partial(
            propagate_exported,
            directions=tuple(range(len(DIRECTIONS))),
            floor=DIVISOR_FLOORS[net.config.normalise],
            rounds=net.config.rounds,
        )

    def forward(self, weighted: Tensor, gates: Tensor) -> Tensor:
        """See the class."""
        return self.compared(self.propagate(weighted, gates))
