"""The network as a `Prompter`: it looks at the whole picture first, then from close by."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from propago.methods.ritm.maps import prompt_maps
from propago.methods.ritm.net import PRESETS, RitmNet
from propago.methods.ritm.window import Window, around, whole
from propago.nn.inference import choose_device, ready, require_working_size
from propago.nn.presets import load_network
from propago.ops.click_mask import discs, parts_with
from propago.prompts import Prompt


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
            return self._found(rgb, prompt, around(prompt, None, rgb.shape, size))
        if not (prompt.positive or prompt.negative):
            return present
        if present is not None:
            window = around(prompt, present, rgb.shape, size)
            found = self._seen(rgb, prompt, window, present.astype(np.float32)) > 0.5
            mask = corrected(present, found, prompt)
            return mask if mask.any() else None
        if not prompt.positive:
            return None
        before = self._seen(rgb, prompt, whole(rgb.shape, size))
        return self._found(rgb, prompt, around(prompt, before > 0.5, rgb.shape, size), before)

    def _found(
        self, rgb: np.ndarray, prompt: Prompt, window: Window, before: np.ndarray | None = None
    ) -> np.ndarray | None:
        mask = self._seen(rgb, prompt, window, before) > 0.5
        return mask if mask.any() else None

    @torch.no_grad()
    def _seen(
        self, rgb: np.ndarray, prompt: Prompt, window: Window, before: np.ndarray | None = None
    ) -> np.ndarray:
        """(H, W) float32 probabilities, 0 outside the window.

        Args:
            rgb: (H, W, 3) uint8.
            prompt: in pixels of the picture.
            window: what is looked at.
            before: (H, W) float32 probabilities; None where there are none.
        """
        height, width = window.size
        piece = rgb[window.pixels]
        shrinks = height < len(piece)
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        image = cv2.resize(piece, (width, height), interpolation=how)
        previous = np.zeros(window.size, np.float32)
        if before is not None:
            previous = cv2.resize(before[window.pixels], (width, height), interpolation=how)
        maps = prompt_maps(window.of(prompt), previous)
        images = torch.from_numpy(image).permute(2, 0, 1)[None].to(self.device).float() / 255
        logits = self.net(images, torch.from_numpy(maps)[None].to(self.device))[0]
        found = cv2.resize(logits.cpu().numpy(), piece.shape[1::-1])
        out = np.zeros(rgb.shape[:2], np.float32)
        out[window.pixels] = 1 / (1 + np.exp(-found.clip(-30, 30)))
        return out


def corrected(present: np.ndarray, found: np.ndarray, prompt: Prompt) -> np.ndarray:
    """A mask in which only the parts that clicks lie in are changed.

    Args:
        present: (H, W) bool, the mask before.
        found: (H, W) bool, what the network says with these clicks.
        prompt: its clicks; a small disc around each is certain.
    """
    sure, against = (discs(present.shape, c) for c in (prompt.positive, prompt.negative))
    more = parts_with((found | sure) & ~present, prompt.positive)
    fewer = parts_with((~found | against) & present, prompt.negative)
    return (present | more) & ~fewer
