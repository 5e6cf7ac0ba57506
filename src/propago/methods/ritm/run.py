"""The network as a `Prompter`: it looks twice, the second time with what it saw first.

Clicks alone are looked at in the whole picture first, or, where the object's size in another frame
is known, in a part of it; then from close by.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch

from propago.methods.ritm.maps import prompt_maps
from propago.methods.ritm.net import PRESETS, RitmNet
from propago.methods.ritm.window import Window, around, begun
from propago.nn.inference import choose_device, ready, require_working_size
from propago.nn.presets import load_network
from propago.ops.click_mask import discs, parts_with
from propago.ops.parallel import one_core, team
from propago.prompts import Prompt


class View(NamedTuple):
    """How a window is seen: at so many times its size, and as in a mirror."""

    scale: float
    mirrored: bool


VIEWS = (View(1.0, mirrored=False), View(1.25, mirrored=True))
"""A mask is the mean of what these say (the authors' release mirrors, too; the scale is ours)."""


CORRECTED = 0.3
"""Where clicks correct a mask, what has more than this probability is the object."""

SURE_SHARE = 0.003
"""Radius of what such a click says surely, in parts of the picture's diagonal: errors are thin."""


@dataclass(frozen=True)
class RitmSettings:
    """How the network is run.

    Attributes:
        size: windows are seen at as many pixels as a square of this side.
    """

    size: int = PRESETS["compact"].size

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        require_working_size(self.size)


class Ritm:
    """Clicks and boxes to a mask, by a network, as a `Prompter`."""

    def __init__(
        self,
        net: RitmNet,
        settings: RitmSettings | None = None,
        device: torch.device | None = None,
        description: dict[str, str] | None = None,
    ):
        """Run `net` on `device`."""
        self.device = device or torch.device("cpu")
        self.net = ready(net, self.device)
        self.settings = settings or RitmSettings()
        self.description = {"prompter": "ritm", **(description or {})}

    @classmethod
    def load(
        cls,
        preset: str = "compact",
        weights: str | Path = "default",
        device: str = "auto",
        size: int | None = None,
    ) -> "Ritm":
        """The prompter with a trained network.

        Args:
            preset: "compact".
            weights: "default", or a safetensors file that `propago train` wrote.
            device: "auto", "cpu", "cuda" or "mps".
            size: side of the square as whose pixels a window is seen; the preset's own if None.

        Raises:
            UsageError: an unknown preset or device, or a size out of range.
            WeightsError: no such weights, corrupt, or of another network.
        """
        net, about = load_network(PRESETS, RitmNet, preset, weights)
        return cls(net, RitmSettings(size or PRESETS[preset].size), choose_device(device), about)

    def __call__(self, rgb: np.ndarray, prompt: Prompt, /) -> np.ndarray | None:
        """As `Prompter`. Of a mask that clicks correct, only what they lie in changes."""
        present, size = prompt.present, self.settings.size
        if present is not None and not present.any():
            present = None
        if prompt.box_xyxy is not None:
            window = around(prompt, None, rgb.shape, size)
            return self._found(rgb, prompt, window, self._seen(rgb, prompt, window))
        if not (prompt.positive or prompt.negative):
            return present
        if present is not None:
            window = around(prompt, present, rgb.shape, size)
            found = self._seen(rgb, prompt, window, present.astype(np.float32)) > CORRECTED
            mask = corrected(present, found, prompt)
            return mask if mask.any() else None
        if not prompt.positive:
            return None
        before = self._seen(rgb, prompt, begun(prompt, rgb.shape, size))
        return self._found(rgb, prompt, around(prompt, before > 0.5, rgb.shape, size), before)

    def _found(
        self, rgb: np.ndarray, prompt: Prompt, window: Window, before: np.ndarray
    ) -> np.ndarray | None:
        mask = self._seen(rgb, prompt, window, before) > 0.5
        return mask if mask.any() else None

    @torch.no_grad()
    def _seen(
        self, rgb: np.ndarray, prompt: Prompt, window: Window, before: np.ndarray | None = None
    ) -> np.ndarray:
        """(H, W) float32 probabilities, the mean of `VIEWS`, 0 outside the window.

        Args:
            rgb: (H, W, 3) uint8.
            prompt: in pixels of the picture.
            window: what is looked at.
            before: (H, W) float32 probabilities; None where there are none.
        """
        piece = rgb[window.pixels]
        previous = (
            np.zeros(piece.shape[:2], np.float32) if before is None else before[window.pixels]
        )

        def look(view: View) -> np.ndarray:
            seen = window.enlarged(view.scale)
            return self._view(piece, seen.of(prompt), previous, seen.size, mirrored=view.mirrored)

        out = np.zeros(rgb.shape[:2], np.float32)
        with one_core():
            out[window.pixels] = np.mean(team().map(look, VIEWS), axis=0)
        return out

    def _view(
        self,
        piece: np.ndarray,
        prompt: Prompt,
        previous: np.ndarray,
        size: tuple[int, int],
        *,
        mirrored: bool,
    ) -> np.ndarray:
        """(H, W) float32 probabilities of a piece of a picture (H, W, 3), seen at `size` (h, w).

        `prompt` is in pixels of that size, `previous` (H, W) float32 in those of the piece.
        """
        height, width = size
        how = cv2.INTER_AREA if height < len(piece) else cv2.INTER_LINEAR
        image = cv2.resize(piece, (width, height), interpolation=how)
        maps = prompt_maps(prompt, cv2.resize(previous, (width, height), interpolation=how))
        images = torch.from_numpy(image).permute(2, 0, 1)[None].to(self.device).float() / 255
        planes = torch.from_numpy(maps)[None].to(self.device)
        if mirrored:
            logits = self.net(images.flip(-1), planes.flip(-1)).flip(-1)
        else:
            logits = self.net(images, planes)
        found = cv2.resize(logits[0].cpu().numpy(), piece.shape[1::-1])
        return 1 / (1 + np.exp(-found.clip(-30, 30)))


def corrected(present: np.ndarray, found: np.ndarray, prompt: Prompt) -> np.ndarray:
    """A mask in which only the parts that clicks lie in are changed.

    Args:
        present: (H, W) bool, the mask before.
        found: (H, W) bool, what the network says with these clicks.
        prompt: its clicks; a small disc around each is certain.
    """
    sure, against = (
        discs(present.shape, clicks, SURE_SHARE) for clicks in (prompt.positive, prompt.negative)
    )
    more = parts_with((found | sure) & ~present, prompt.positive)
    fewer = parts_with((~found | against) & present, prompt.negative)
    return (present | more) & ~fewer
