"""What MaskTrack R-CNN is trained for: the losses of Mask R-CNN, and identity.

Source: Yang et al., ICCV 2019, equations 2 and 3: cross-entropy over "new" and the instances of the
reference frame, of positive boxes alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from propago.methods.masktrack_rcnn.net import MaskTrackRcnn, identity_logits
from propago.nn.inference import laid_out
from propago.nn.rcnn_losses import Examples, Sampling, mask_rcnn_losses
from propago.nn.rcnn_targets import Instances


class TrackPairs(NamedTuple):
    """Pictures, and others of the same instances, all of equal size.

    Attributes:
        key: what is in the pictures.
        references: (B, 3, H, W) uint8 RGB.
        boxes: (M_b, 4) of the instances of each reference.
        same: (N_b,) int64 of each instance of `key`: 1 + its place among these; 0: it is new.
    """

    key: Instances
    references: Tensor
    boxes: Sequence[Tensor]
    same: Sequence[Tensor]


class MaskTrackObjective(nn.Module):
    """Loss of a network on a batch of pairs: the sum of six, weighted alike."""

    def __init__(self, net: MaskTrackRcnn, sampling: Sampling | None = None):
        super().__init__()
        self.net = net
        self.sampling = sampling or Sampling()

    def forward(self, batch: TrackPairs, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss, and numbers for the log; `seed` decides which examples are drawn."""
        generator = torch.Generator().manual_seed(seed)
        found = mask_rcnn_losses(self.net.detector, batch.key, self.sampling, generator)
        images = laid_out(batch.references)
        references = self.net.embeddings(self.net.detector.levels(images), batch.boxes)
        own = [example.boxes[: len(example.instances)] for example in found.examples]
        embeddings = self.net.embeddings(found.levels, own)
        track, right = track_loss(embeddings, references, found.examples, batch)
        losses = {**found.losses, "track": track}
        loss = torch.stack([*losses.values()]).sum()
        numbers = {name: one.item() for name, one in losses.items()}
        return loss, {"loss": loss.item(), **numbers, "identities": right}


def track_loss(
    embeddings: Tensor, references: Tensor, examples: Sequence[Examples], batch: TrackPairs
) -> tuple[Tensor, float]:
    """L_track: the mean over the pictures of the mean over their positive boxes; the share right.

    Args:
        embeddings: (P, D) of the positive boxes of all pictures.
        references: (M, D) of the instances of all references.
        examples: of each picture.
        batch: says who is who.
    """
    losses, right = [embeddings.sum() * 0 + references.sum() * 0], []
    counts = [len(example.instances) for example in examples]
    known = references.split([len(boxes) for boxes in batch.boxes])
    rows = zip(embeddings.split(counts), known, examples, batch.same, strict=True)
    for own, others, example, same in rows:
        if len(own):
            logits, truth = identity_logits(own, others), same[example.instances]
            losses.append(F.cross_entropy(logits, truth))
            right.append((logits.argmax(1) == truth).float().mean())
    mean = torch.stack(losses).sum() / max(len(right), 1)
    return mean, torch.stack(right).mean().item() if right else 1.0
