"""Mask R-CNN on a frame."""

from pathlib import Path

import torch

from propago.detections import Detections
from propago.methods.mask_rcnn.net import PRESETS
from propago.methods.mask_rcnn.published import load_published
from propago.nn.detection import DetectionSettings, at_full_size, find
from propago.nn.inference import require_working_size
from propago.nn.mask_rcnn import MaskRcnn
from propago.nn.presets import load_network, preset_called
from propago.nn.rcnn_detector import RcnnDetector
from propago.nn.rcnn_onnx import rcnn_parts
from propago.types import Frame

SETTINGS = {
    "compact": DetectionSettings(max_inside=0.9, passes=2, mask_certainty=True, second_view=1.4),
    "paper": DetectionSettings(),
}
"""By preset. The compact one finds parts of what it finds, too; what else differs was chosen on
held-out pictures."""


class MaskRcnnDetector(RcnnDetector[MaskRcnn]):
    """Mask R-CNN as a `Detector`."""

    name = "mask_rcnn"
    presets, usual = PRESETS, SETTINGS
    parts = staticmethod(rcnn_parts)

    @classmethod
    def load(
        cls,
        preset: str = "compact",
        weights: str | Path = "default",
        device: str = "auto",
        size: int | None = None,
        min_confidence: float = 0.3,
        most: int = 100,
        max_inside: float | None = None,
        engine: str = "torch",
    ) -> "MaskRcnnDetector":
        """The detector with a trained network.

        Args:
            preset: "compact" or "paper".
            weights: "default"; a safetensors file that `propago train` wrote; or, of the paper
                preset, torchvision's published .pth file.
            device: "auto", "cpu", "cuda" or "mps".
            size: working size, short side in pixels; the preset's own if None.
            min_confidence: what is less certain is not reported.
            most: instances of a frame, the most confident ones.
            max_inside: a mask of which a larger share lies in a better one is left out; None is
                0.9 of compact and 1, which leaves all, of paper.
            engine: "torch" or "onnx", ONNX Runtime on the CPU.

        Raises:
            UsageError: an unknown preset, device or engine, the engine is not installed, or a
                number out of range.
            WeightsError: no such weights, corrupt, or of another network.
        """
        chosen = preset_called(PRESETS, preset)
        if size is not None:
            require_working_size(size)
        if str(weights).endswith(".pth"):
            net = MaskRcnn(chosen.config)
            about = load_published(net, Path(weights))
        else:
            net, about = load_network(PRESETS, MaskRcnn, preset, weights)
        own = {"min_confidence": min_confidence, "most": most, "max_inside": max_inside}
        return cls.of_preset(preset, net, size, device, about, engine, **own)

    @property
    def rcnn(self) -> MaskRcnn:
        """The network."""
        return self.net

    @torch.no_grad()
    def __call__(self, frame: Frame) -> Detections:
        """The instances of a frame, the most confident first."""
        views = self.views(frame)
        found = find(self.layers, views, self.settings)
        return at_full_size(found, views[0].size, frame.size)
