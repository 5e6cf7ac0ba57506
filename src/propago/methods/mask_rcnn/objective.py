"""What Mask R-CNN is trained for: the sum of its five losses (He et al. 2017, section 3)."""

import torch
from torch import Tensor, nn

from propago.nn.mask_rcnn import MaskRcnn
from propago.nn.rcnn_losses import Sampling, mask_rcnn_losses
from propago.nn.rcnn_targets import Instances


class MaskRcnnObjective(nn.Module):
    """Loss of a network on a batch."""

    def __init__(self, net: MaskRcnn, sampling: Sampling | None = None):
        super().__init__()
        self.net = net
        self.sampling = sampling or Sampling()

    def forward(self, batch: Instances, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss, and numbers for the log; `seed` decides which examples are drawn."""
        generator = torch.Generator().manual_seed(seed)
        losses = mask_rcnn_losses(self.net, batch, self.sampling, generator).losses
        loss = torch.stack([*losses.values()]).sum()
        return loss, {"loss": loss.item()} | {n: one.item() for n, one in losses.items()}
