"""MaskTrack R-CNN on a frame: instances with what tells them apart."""

from pathlib import Path

import torch

from propago.detections import Detections
from propago.methods.masktrack_rcnn.export import parts
from propago.methods.masktrack_rcnn.net import PRESETS, MaskTrackRcnn
from propago.nn.detection import DetectionSettings, at_full_size, find
from propago.nn.inference import require_working_size
from propago.nn.mask_rcnn import MaskRcnn, box_features
from propago.nn.presets import load_network
from propago.nn.rcnn_detector import RcnnDetector
from propago.types import Frame

SETTINGS = {
    "compact": DetectionSettings(max_inside=0.9, passes=2, mask_certainty=True),
    "paper": DetectionSettings(most=10),
}
"""By preset. The compact one as Mask R-CNN's, without a second view, which gains little for tracks
and takes twice the time; 10 as in the authors' release."""


class MaskTrackDetector(RcnnDetector[MaskTrackRcnn]):
    """The network as a `Detector`; its detections have embeddings, for `masktrack` to associate."""

    name = "masktrack_rcnn"
    presets, usual = PRESETS, SETTINGS
    parts = staticmethod(parts)

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
        engine: str = "torch",
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
            engine: "torch" or "onnx", ONNX Runtime on the CPU.

        Raises:
            UsageError: an unknown preset, device or engine, the engine is not installed, or a
                number out of range.
            WeightsError: no such weights, corrupt, or of another network.
        """
        if size is not None:
            require_working_size(size)
        net, about = load_network(PRESETS, MaskTrackRcnn, preset, weights)
        own = {"min_confidence": min_confidence, "most": most, "max_inside": max_inside}
        return cls.of_preset(preset, net, size, device, about, engine, **own)

    @property
    def rcnn(self) -> MaskRcnn:
        """The network without the branch."""
        return self.net.detector

    @torch.no_grad()
    def __call__(self, frame: Frame) -> Detections:
        """The instances of a frame, the most confident first."""
        views = self.views(frame)
        found = find(self.layers, views, self.settings)
        features = box_features(views[0].seen.levels, [found.boxes])
        own = self.onnx["embeddings"](features)[0] if self.onnx else self.net.embed(features)
        return at_full_size(found, views[0].size, frame.size, own)
