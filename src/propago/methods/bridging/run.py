"""Bridging on a frame: instances, and the category of every pixel."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from propago.detections import Detections
from propago.io.categories import CATEGORIES
from propago.methods.bridging.boxes import corners
from propago.methods.bridging.grouping import GroupingSettings, grouped
from propago.methods.bridging.net import PRESETS, STRIDE, BridgingNet, FcrnPair, bridging_net
from propago.nn.inference import (
    choose_device,
    fast_precision,
    for_detector,
    ready,
    require_working_size,
)
from propago.nn.presets import load_network, preset_called
from propago.ops.resize import bilinear
from propago.types import Frame


class BridgingDetector:
    """The network as a `Detector`.

    Attributes:
        class_names: by category id.
    """

    class_names: Mapping[int, str] = CATEGORIES
    thread_safe = True

    def __init__(
        self,
        net: BridgingNet | FcrnPair,
        size: int = PRESETS["compact"].size,
        settings: GroupingSettings | None = None,
        min_confidence: float = 0.3,
        device: torch.device | None = None,
        description: Mapping[str, Any] | None = None,
    ):
        """Run `net` on `device`, pictures at the short side `size` in pixels."""
        self.device = device or torch.device("cpu")
        self.net = ready(net, self.device)
        self.size, self.min_confidence = size, min_confidence
        self.settings = settings or GroupingSettings()
        self.description = {
            "detector": "bridging",
            **(description or {}),
            "size": size,
            "min_confidence": min_confidence,
            **asdict(self.settings),
        }

    @classmethod
    def load(
        cls,
        preset: str = "compact",
        weights: str | Path = "default",
        device: str = "auto",
        size: int | None = None,
        min_confidence: float = 0.3,
    ) -> "BridgingDetector":
        """The detector with a trained network.

        Args:
            preset: "compact" or "paper"; there are weights of compact.
            weights: "default", or a safetensors file that `propago train` wrote.
            device: "auto", "cpu", "cuda" or "mps".
            size: working size, short side in pixels; the preset's own if None.
            min_confidence: what is less certain is not reported.

        Raises:
            UsageError: an unknown preset or device, or a size out of range.
            WeightsError: no such weights, corrupt, or of another network.
        """
        chosen = preset_called(PRESETS, preset)
        if size is not None:
            require_working_size(size)
        net, about = load_network(PRESETS, bridging_net, preset, weights)
        return cls(net, size or chosen.size, None, min_confidence, choose_device(device), about)

    @torch.no_grad()
    def __call__(self, frame: Frame) -> Detections:
        """The instances of a frame, the most certain first; their masks are known at stride 8."""
        probabilities, boxes, covered = self._maps(frame)
        groups = [
            group
            for group in grouped(
                probabilities.numpy(force=True), boxes.numpy(force=True), STRIDE, self.settings
            )
            if group.confidence >= self.min_confidence
        ]
        masks = np.stack([group.mask for group in groups]) if groups else np.zeros((0, 1, 1), bool)
        whole = self._at_full_size(torch.from_numpy(masks).float(), covered, frame.size) > 0.5
        found = Detections.of_masks(
            whole, [group.category for group in groups], [group.confidence for group in groups]
        )
        return found[np.flatnonzero(whole.any((1, 2)))]

    @torch.no_grad()
    def semantic(self, frame: Frame) -> np.ndarray:
        """(H, W) uint8: the most probable category of every pixel, 0 background."""
        probabilities, _, covered = self._maps(frame)
        return self._at_full_size(probabilities, covered, frame.size).argmax(0).astype(np.uint8)

    def _maps(self, frame: Frame) -> tuple[Tensor, Tensor, tuple[int, int]]:
        """Probabilities and boxes at stride 8, and the size of the picture that they are of."""
        images, size = for_detector(frame.image.to(self.device), self.size)
        with fast_precision(self.device):
            logits, said = (part.float() for part in self.net(images))
        rows, columns = (-(-side // STRIDE) for side in size)
        probabilities = logits.softmax(1)[0, :, :rows, :columns]
        return probabilities, corners(said)[0, :, :rows, :columns], size

    def _at_full_size(
        self, maps: Tensor, covered: tuple[int, int], full: tuple[int, int]
    ) -> np.ndarray:
        """(N, H, W) maps (N, h, w) at stride 8 of a picture of size `covered` as one of `full`."""
        if not len(maps):
            return np.zeros((0, *full), np.float32)
        whole = (maps.shape[-2] * STRIDE, maps.shape[-1] * STRIDE)
        shown = bilinear(maps[None].float(), whole)[..., : covered[0], : covered[1]]
        return bilinear(shown, full)[0].numpy(force=True)
