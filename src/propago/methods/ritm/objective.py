"""What the network learns from: prompts that are simulated, corrected where it is wrong.

Source: Sofiiuk, Petrov, Konushin, 2021: clicks in the largest errors of the network's own masks,
which are fed back; only the last answer is learnt from. The losses, boxes and damage are ours.
"""

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from propago.data.damage import some_damaged
from propago.methods.ritm.maps import prompt_maps
from propago.methods.ritm.net import DEEPEST, RitmNet
from propago.nn.losses import (
    binary_entropy,
    competing_log_probabilities,
    cross_entropy,
    jaccard_loss,
)
from propago.ops.clicks import next_click
from propago.ops.resize import enlarged
from propago.prompts import Prompt

COARSE = 0.2
"""Weight of the mean loss of the coarser outputs beside that of the finest."""

HARDEST = 0.15
"""Share of the pixels whose cross-entropy counts once more."""

CORRECTIONS = (0.45, 0.25, 0.2, 0.1)
"""How likely none, one, two, three clicks follow the first prompt."""

BOX_CHANCE = 0.4
BOTH_CHANCE = 0.15

GROWN, SHRUNK = 0.15, 0.06
"""By how much of its size a box is drawn too large or too small on each side, at most."""


class Views(NamedTuple):
    """Views of one object each.

    Attributes:
        images: (B, 3, S, S) uint8 RGB.
        masks: (B, S, S) uint8; 1 the object, 255 where nobody knows.
    """

    images: Tensor
    masks: Tensor


class RitmObjective(nn.Module):
    """Loss of the network's last answer in a dialogue of simulated prompts."""

    def __init__(self, net: RitmNet, begun: float = 0.3):
        """Train `net`; a share `begun` of the dialogues begins with a mask that is damaged."""
        super().__init__()
        self.net = net
        self.begun = begun

    def forward(self, batch: Views, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss, and numbers for the log; `seed` decides the prompts."""
        rng = np.random.default_rng(seed)
        images = (batch.images.float() / 255).contiguous(memory_format=torch.channels_last)
        truths = batch.masks.cpu().numpy()
        prompts = [first_prompt(truth, rng) for truth in truths]
        previous = self._begun(batch.masks, seed, rng)
        for _ in range(rng.choice(len(CORRECTIONS), p=CORRECTIONS)):
            with torch.no_grad():
                previous = self.net(images, _maps(prompts, previous)).float().sigmoid()
            masks = (previous > 0.5).cpu().numpy()
            prompts = [
                corrected(prompt, mask, truth, rng)
                for prompt, mask, truth in zip(prompts, masks, truths, strict=True)
            ]
        levels = self.net.levels(images, _maps(prompts, previous))
        return answer_loss(levels, batch.masks)

    def _begun(self, masks: Tensor, seed: int, rng: np.random.Generator) -> Tensor:
        """(B, S, S) masks before the first prompt: most empty, others damaged."""
        generator = torch.Generator().manual_seed(seed)
        damaged = some_damaged((masks == 1).float(), 1.0, generator)
        kept = torch.from_numpy(rng.random(len(masks)) < self.begun).to(masks.device)
        return damaged * kept[:, None, None]


def answer_loss(levels: list[Tensor], masks: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy with the hardest pixels, soft Jaccard distance, and a share of coarse outputs.

    Args:
        levels: (B, h, w) logits of `RitmNet.levels`.
        masks: (B, S, S) uint8; 1 the object, 255 where nobody knows.

    Returns:
        The loss, and numbers for the log.
    """
    *coarse, finest = (enlarged(level, masks.shape[-2:], DEEPEST) for level in levels)
    entropies = [
        cross_entropy(competing_log_probabilities(logits[None]), mask.long(), HARDEST)
        for logits, mask in zip(finest, masks, strict=True)
    ]
    apart = jaccard_loss(finest[:, None], masks)
    aside = torch.stack([binary_entropy(level, masks) for level in coarse]).mean()
    loss = torch.stack(entropies).mean() + apart + COARSE * aside
    return loss, {"loss": loss.item(), "overlap": 1 - apart.item()}


def first_prompt(truth: np.ndarray, rng: np.random.Generator) -> Prompt:
    """A box around the object, a click on it, or both.

    Args:
        truth: (S, S) uint8; 1 the object.
        rng: source of chance.
    """
    drawn = rng.random()
    box = drawn_box(truth, rng) if drawn < BOX_CHANCE + BOTH_CHANCE else None
    if drawn < BOX_CHANCE:
        return Prompt(box)
    return corrected(Prompt(box), np.zeros(truth.shape, bool), truth, rng)


def drawn_box(truth: np.ndarray, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """The box of the object as a person draws it: each side somewhat off."""
    x, y, width, height = cv2.boundingRect((truth == 1).astype(np.uint8))
    off = rng.uniform(-SHRUNK, GROWN, 4) * (rng.random() < 0.8)
    sides = np.array([x, y, x + width, y + height]) + off * (-width, -height, width, height)
    x0, y0, x1, y1 = np.clip(sides, 0, (*truth.shape[::-1], *truth.shape[::-1])).tolist()
    return x0, y0, x1, y1


def corrected(
    prompt: Prompt, mask: np.ndarray, truth: np.ndarray, rng: np.random.Generator
) -> Prompt:
    """The prompt with a further click where `mask` (S, S) is wrong, half of them in its middle."""
    click = next_click(mask, truth, rng if rng.random() < 0.5 else None)
    if click is None:
        return prompt
    if click.positive:
        return replace(prompt, positive=(*prompt.positive, (click.x, click.y)))
    return replace(prompt, negative=(*prompt.negative, (click.x, click.y)))


def _maps(prompts: list[Prompt], previous: Tensor) -> Tensor:
    """(B, 4, S, S) on the device of `previous` (B, S, S)."""
    before = previous.cpu().numpy()
    maps = [prompt_maps(prompt, mask) for prompt, mask in zip(prompts, before, strict=True)]
    return torch.from_numpy(np.stack(maps)).to(previous.device)
