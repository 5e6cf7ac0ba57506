"""What FEELVOS is trained for: masks carried through short clips, its own output fed back."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from propago.data.damage import damage
from propago.methods.feelvos.memory import Memory
from propago.methods.feelvos.net import FeelvosNet, FrameFeatures
from propago.methods.feelvos.object_inputs import ObjectInputs, carry
from propago.nn.backbones import Pyramid
from propago.nn.losses import competing_log_probabilities, cross_entropy, soft_jaccard
from propago.types import VOID


class ClipBatch(NamedTuple):
    """Clips of equal size.

    Attributes:
        images: (B, T, 3, H, W) uint8 RGB.
        labels: (B, T, H, W) uint8; 0 background, 1..K objects, 255 void.
        flows: (B, T - 1, 2, H, W) float, from each frame but the first to its previous one, pixels.
    """

    images: Tensor
    labels: Tensor
    flows: Tensor


class FeelvosObjective(nn.Module):
    """Loss of a network on a batch of clips.

    The first frame's mask is given; each later frame is predicted from it and from the
    predictions before, through which gradients flow. Now and then the previous prediction is
    damaged first, so that the network learns to recover from drift by its memory of frame one.
    """

    def __init__(self, net: FeelvosNet, hardest: float = 0.25, damaged: float = 0.4):
        super().__init__()
        self.net = net
        self.hardest = hardest
        self.damaged = damaged

    def forward(self, batch: ClipBatch, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss, and numbers for the log. `seed` decides the damage."""
        generator = torch.Generator().manual_seed(seed)
        images = batch.images.float() / 255
        clips, times = images.shape[:2]
        seen = self.net.encode_image(
            images.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        )
        first = batch.labels[:, 0]
        ids = [torch.unique(labels[(labels > 0) & (labels != VOID)]) for labels in first]
        masks = [(first[b] == ids[b][:, None, None]).float() for b in range(clips)]
        owner = torch.repeat_interleave(
            torch.arange(clips), torch.tensor([len(i) for i in ids])
        ).to(images.device)
        memory: list[list[Memory]] = [[] for _ in range(clips)]
        losses, overlaps = [], []
        for t in range(1, times):
            now = _at(seen, times, t)
            before = _at(seen, times, t - 1)
            if t > 1:
                masks = [self._maybe_damaged(m, generator) for m in masks]
            for b in range(clips):
                memory[b].append(
                    self.net.encode_memory(before.embedding[b], before.context[b], masks[b])
                )
            cues = [self.net.cues(now.embedding[b], past) for b, past in enumerate(memory)]
            steps = zip(images[:, t - 1], images[:, t], masks, batch.flows[:, t - 1], strict=True)
            carried, others, errors = zip(*(carry(*step) for step in steps), strict=True)
            rows = ObjectInputs(torch.cat(cues), torch.cat(carried), torch.cat(others))
            logits = self.net.logits(self.net.prepare(now), owner, rows, torch.stack(errors))
            for b, own in enumerate(logits.split([len(i) for i in ids])):
                loss, overlap, masks[b] = self._compare(own, batch.labels[b, t], ids[b])
                losses.append(loss)
                overlaps.append(overlap)
        loss = torch.stack(losses).mean()
        return loss, {"loss": loss.item(), "overlap": torch.cat(overlaps).mean().item()}

    def _maybe_damaged(self, masks: Tensor, generator: torch.Generator) -> Tensor:
        if torch.rand((), generator=generator) > self.damaged:
            return masks
        return damage(masks.cpu(), generator).to(masks.device)

    def _compare(
        self, logits: Tensor, labels: Tensor, ids: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Loss, soft overlap and probabilities of the objects of one clip in one frame."""
        known = labels != VOID
        truth = labels == ids[:, None, None]
        target = (truth * torch.arange(1, len(ids) + 1, device=labels.device)[:, None, None]).sum(0)
        target = torch.where(known, target, VOID)
        log_p = competing_log_probabilities(logits)
        p = log_p[1:].exp()
        apart = soft_jaccard(p, truth.float(), known.float())
        there = truth.flatten(1).any(1)
        entropy = cross_entropy(log_p, target, self.hardest)
        loss = entropy + (apart * there).sum() / there.sum().clamp_min(1)
        return loss, 1 - apart[there].detach(), p


def _at(seen: FrameFeatures, times: int, t: int) -> FrameFeatures:
    """What was seen of frame `t` of every clip, out of what was seen of all B * T frames."""

    def pick(x: Tensor) -> Tensor:
        return x[t::times]

    levels = {stride: pick(x) for stride, x in seen.pyramid.levels.items()}
    return FrameFeatures(Pyramid(levels), pick(seen.embedding), pick(seen.context))
