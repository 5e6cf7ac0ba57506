"""MaskTrack R-CNN on a frame: instances with what tells them apart."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from propago.detections import Detections
from propago.io.categories import CATEGORIES
from propago.methods.masktrack_rcnn.net import PRESETS, MaskTrackRcnn
from propago.nn.detection import DetectionSettings, at_full_size, find
from propago.nn.inference import choose_device, for_detector, ready, require_working_size
from propago.nn.presets import load_network, preset_called
from propago.types import Frame

MOST = {"compact": 100, "paper": 10}
"""Instances of a frame; 10 as in the authors' release, by preset."""

MAX_INSIDE = 0.9
"""Of the compact preset, as for Mask R-CNN: it finds parts of what it finds, too."""


class MaskTrackDetector:
    """The network as a `Detector` whose detections have embeddings, for the associator `masktrack`.

    Attributes:
        class_names: by category id, of the compact preset.
    """

    class_names: Mapping[int, str] = CATEGORIES

    def __init__(
        self,
        net: MaskTrackRcnn,
        size: int = PRESETS["compact"].size,
        settings: DetectionSettings | None = None,
        device: torch.device | None = None,
        description: Mapping[str, Any] | None = None,
    ):
        """Run `net` on `device`, pictures at the short side `size` in pixels."""
        self.device = device or torch.device("cpu")
        self.net = ready(net, self.device)
        self.size = size
        self.settings = settings or DetectionSettings()
        self.description = {
            "detector": "masktrack_rcnn",
            **(description or {}),
            "size": size,
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
        most: int | None = None,
        max_inside: float | None = None,
    ) -> "MaskTrackDetector":
        """The detector with a trained network.

        Args:
            preset: "compact" or "paper".
            weights: "default", or a safetensors file that `propago train` wrote.
            device: "auto", "cpu", "cuda" or "mps".
            size: working size, short side in pixels; the preset's own if None.
            min_confidence: what is less certain is not reported; the authors' release has 0.05.
            most: instances of a frame, the most confident ones; None is 100 of compact and 10, as
                in the authors' release, of paper.
            max_inside: a mask of which a larger share lies in a better one is left out; None is
                0.9 of compact and 1, which leaves all, of paper.

        Raises:
            UsageError: an unknown preset or device, or a number out of range.
            WeightsError: no such weights, corrupt, or of another network.
        """
        chosen = preset_called(PRESETS, preset)
        if size is not None:
            require_working_size(size)
        net, about = load_network(PRESETS, MaskTrackRcnn, preset, weights)
        if max_inside is None:
            max_inside = 1.0 if preset == "paper" else MAX_INSIDE
        most = MOST[preset] if most is None else most
        settings = DetectionSettings(min_confidence, most=most, max_inside=max_inside)
        return cls(net, size or chosen.size, settings, choose_device(device), about)

    @torch.no_grad()
    def __call__(self, frame: Frame) -> Detections:
        """The instances of a frame, the most confident first."""
        images, size = for_detector(frame.image.to(self.device), self.size)
        levels = self.net.detector.levels(images)
        found = find(self.net.detector, levels, size, self.settings)
        embeddings = self.net.embeddings(levels, [found.boxes])
        return at_full_size(found, size, frame.size, embeddings)
