"""What the paper's FEELVOS is trained for: a frame from an annotated one and the one before.

Source: Voigtlaender et al., FEELVOS, CVPR 2019, section 4, and the authors' release. Differs: the
share of hardest pixels is fixed, where the release comes down to it from all pixels.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from propago.methods.feelvos.original import OriginalNet, Reference
from propago.methods.feelvos.original_run import MULTIPLE, owning_ids, shares
from propago.ops.resize import bilinear, padded
from propago.types import VOID

MOST_REFERENCE = 1024
"""So many positions of each group of the annotated frame are matched, by chance."""


class FrameBatch(NamedTuple):
    """Clips of equal size; the first frame is the annotated one, the last is predicted.

    Attributes:
        images: (B, T, 3, H, W) uint8 RGB.
        labels: (B, T, H, W) uint8; 0 background, 1..K objects, 255 void.
    """

    images: Tensor
    labels: Tensor


class OriginalObjective(nn.Module):
    """Loss of a network on a batch: cross-entropy of the hardest pixels of the last frame."""

    def __init__(self, net: OriginalNet, hardest: float = 0.15):
        """Train `net`; `hardest` is the share of pixels that count."""
        super().__init__()
        self.net = net
        self.hardest = hardest

    def forward(self, batch: FrameBatch, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss, and numbers for the log; `seed` decides which positions are matched."""
        generator = torch.Generator().manual_seed(seed)
        images = batch.images[:, [0, -2, -1]].float() / 255
        layout = torch.channels_last
        pictures = padded(images.flatten(0, 1), MULTIPLE).contiguous(memory_format=layout)
        features, embeddings = self.net.encode(pictures)
        losses = []
        for clip, labels in enumerate(batch.labels):
            first, before, now = (3 * clip + t for t in range(3))
            ids = torch.unique(labels[0][(labels[0] > 0) & (labels[0] != VOID)]).tolist()
            reference = _reference(embeddings[first], labels[0], ids)
            reference = _thinned(reference, (0, *ids), generator)
            last = _reference(embeddings[before], labels[-2], ids)
            found = self.net.distances(embeddings[now], [reference], last, (0, *ids))
            known = shares(_masks(labels[-2], ids))
            logits = self.net.logits(features[now], found, known)
            losses.append(self._compare(logits, labels[-1], ids))
        loss = torch.stack(losses).mean()
        return loss, {"loss": loss.item()}

    def _compare(self, logits: Tensor, labels: Tensor, ids: list[int]) -> Tensor:
        height, width = labels.shape
        whole = (logits.shape[-2] * 4, logits.shape[-1] * 4)
        fine = bilinear(logits[None], whole)[..., :height, :width]
        rows = sum((labels == i).long() * n for n, i in enumerate(ids, 1))
        target = torch.where(labels == VOID, VOID, rows)
        losses = F.cross_entropy(fine, target[None], ignore_index=VOID, reduction="none").flatten()
        count = max(1, int(self.hardest * losses.numel()))
        return losses.topk(count).values.mean()


def _masks(labels: Tensor, ids: list[int]) -> Tensor:
    """(K, H, W) of a label map (H, W)."""
    return torch.stack([(labels == i).float() for i in ids])


def _reference(embedding: Tensor, labels: Tensor, ids: list[int]) -> Reference:
    return Reference(embedding, owning_ids(shares(_masks(labels, ids)), ids))


def _thinned(reference: Reference, ids: tuple[int, ...], generator: torch.Generator) -> Reference:
    """At most `MOST_REFERENCE` positions of each group; the others are nobody's."""
    owners = reference.owners.flatten().clone()
    for i in ids:
        places = (owners == i).nonzero()[:, 0]
        order = torch.randperm(len(places), generator=generator).to(places.device)
        owners[places[order[MOST_REFERENCE:]]] = -1
    return Reference(reference.embedding, owners.view_as(reference.owners))
