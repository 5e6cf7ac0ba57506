"""What Bridging is trained for: the hardest positions of a batch, and every instance alike.

Source: Wu et al. 2016: online bootstrapping of the category loss; box loss in which each instance
has the same weight, and in which overlap says how hard a position is. The threshold that rises so
that enough positions stay is that of the authors' later code.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from propago.methods.bridging.boxes import as_said, corners, ious
from propago.methods.bridging.net import BOX_PX, STRIDE, BridgingNet, FcrnPair
from propago.nn.inference import laid_out
from propago.nn.rcnn_targets import Instances, OnePicture, pictures_of

HARDEST = 512
"""K: at least so many positions of a batch are learnt from; 512 is the paper's best."""

EASY = 0.6
"""A position whose probability, or overlap, is above is easy, unless K are needed."""

BETA = 0.1
"""Where smooth L1 turns from square to linear, in units of `BOX_PX`."""


class BridgingObjective(nn.Module):
    """Loss of a network on a batch."""

    def __init__(self, net: BridgingNet | FcrnPair, hardest: int = HARDEST):
        """Train `net`; `hardest` is K, 0 learns from every position."""
        super().__init__()
        self.net = net
        self.hardest = hardest

    def forward(self, batch: Instances, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss, and numbers for the log; `seed` decides nothing here."""
        images = laid_out(batch.images)
        logits, boxes = self.net(images)
        ids = batch.ids[:, STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE].long()
        pictures = pictures_of(batch)
        log_likely = torch.stack(
            [
                known_log_probability(one, at, picture)
                for one, at, picture in zip(logits.log_softmax(1), ids, pictures, strict=True)
            ]
        )
        known = ids >= 0
        kept = hard(log_likely.exp(), known, self.hardest)
        category = -log_likely[kept].sum() / kept.sum().clamp_min(1)
        box, overlap = box_loss(boxes, ids, pictures, self.hardest)
        loss = category + box
        return loss, {
            "loss": loss.item(),
            "category": category.item(),
            "box": box.item(),
            "overlap": overlap,
            "kept": (kept.sum() / known.sum().clamp_min(1)).item(),
        }


def known_log_probability(log_p: Tensor, ids: Tensor, picture: OnePicture) -> Tensor:
    """(h, w) logarithm of how likely what is known of each position is.

    Of an instance, its class. Of the background, none of the classes that are labelled in the
    picture (ours; where all are labelled this is the background's own probability).

    Args:
        log_p: (outputs, h, w).
        ids: (h, w) int64: 0 background, n of instance n - 1; below 0 nobody knows.
        picture: its classes.
    """
    labelled = picture.labelled.clone()
    labelled[0] = False
    none = log_p[~labelled].logsumexp(0)
    if not len(picture.classes):
        return none
    own = picture.classes[(ids - 1).clamp_min(0)]
    return torch.where(ids > 0, log_p.gather(0, own[None])[0], none)


def hard(likely: Tensor, known: Tensor, count: int, easy: float = EASY) -> Tensor:
    """(...) bool: the known positions that are learnt from (online bootstrapping).

    Those whose probability is at most a threshold: `easy`, or as much more as it takes for `count`
    of the whole batch to stay. All where fewer are known, or `count` is 0.

    Args:
        likely: (...) in [0, 1].
        known: (...) bool.
        count: K.
        easy: in [0, 1].
    """
    there = likely.detach()[known]
    if not count or len(there) <= count:
        return known
    threshold = there.kthvalue(count).values.clamp_min(easy)
    return known & (likely.detach() <= threshold)


def box_loss(
    said: Tensor, ids: Tensor, pictures: list[OnePicture], count: int
) -> tuple[Tensor, float]:
    """Smooth L1 over the positions of instances, each instance with the same weight; mean IoU.

    Args:
        said: (B, 4, h, w) by the network.
        ids: (B, h, w) int64.
        pictures: their boxes.
        count: K, of the positions whose boxes overlap the true ones least.
    """
    truth, weights = zip(*map(_wanted, ids, pictures), strict=True)
    wanted, weight = torch.stack(truth), torch.stack(weights)
    inside = ids > 0
    if not inside.any():
        return said.sum() * 0, 1.0
    overlaps = ious(corners(said.detach()), wanted)
    weight = weight * hard(overlaps, inside, count)
    apart = F.smooth_l1_loss(said / BOX_PX, as_said(wanted) / BOX_PX, reduction="none", beta=BETA)
    loss = (apart.sum(1) * weight).sum() / weight.sum()
    return loss, overlaps[inside].mean().item()


def _wanted(ids: Tensor, picture: OnePicture) -> tuple[Tensor, Tensor]:
    """(4, h, w) the box of each position's instance; (h, w) weights whose sum is 1 for each."""
    if not len(picture.boxes):
        return ids.new_zeros(4, *ids.shape, dtype=torch.float32), torch.zeros_like(ids).float()
    own = (ids - 1).clamp_min(0)
    counts = torch.bincount(ids.clamp_min(0).flatten(), minlength=len(picture.boxes) + 1)[1:]
    weight = torch.where(ids > 0, 1 / counts.clamp_min(1)[own], 0.0)
    return picture.boxes[own].permute(2, 0, 1), weight
