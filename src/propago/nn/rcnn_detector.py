"""What the detectors of Mask R-CNN's family share: a network, ready to run, and how it is run."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch
from torch import Tensor, nn

from propago.io.categories import CATEGORIES
from propago.nn.detection import DetectionSettings, View
from propago.nn.inference import choose_device, fast_precision, for_detector, ready
from propago.nn.mask_rcnn import MaskRcnn, RcnnLayers, Seen
from propago.nn.onnx_engine import OnnxLayers, onnx_layers, require_engine
from propago.nn.onnx_parts import OnnxPart
from propago.nn.presets import Preset
from propago.nn.rcnn_onnx import OnnxRcnn
from propago.types import Frame

Net = TypeVar("Net", bound=nn.Module)


class FastRcnn:
    """What of Mask R-CNN has weights, in the precision that is fastest; says so in float32."""

    def __init__(self, net: MaskRcnn, device: torch.device):
        """Run `net`, which is on `device`."""
        self.config = net.config
        self._net, self._device = net, device

    def seen(self, images: Tensor) -> Seen:
        """See `MaskRcnn.seen`."""
        with fast_precision(self._device):
            levels, said = self._net.seen(images)
        exact = said._replace(logits=said.logits.float(), offsets=said.offsets.float())
        return Seen({stride: level.float() for stride, level in levels.items()}, exact)

    def box_head(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """As `BoxHead`."""
        with fast_precision(self._device):
            logits, offsets = self._net.box_head(features)
        return logits.float(), offsets.float()

    def mask_head(self, features: Tensor) -> Tensor:
        """As `MaskHead`."""
        with fast_precision(self._device):
            return self._net.mask_head(features).float()


class RcnnDetector(ABC, Generic[Net]):
    """A network and its settings; a `Detector` once it is called with a frame.

    Attributes:
        name: of the detector, in the record of a run.
        presets: the sizes that the network comes in.
        usual: by preset, the settings where nothing else is asked for.
        class_names: by category id, of the compact preset.
        layers: what of Mask R-CNN has weights, in PyTorch or ONNX Runtime.
        onnx: the parts in ONNX Runtime by name; of the engine "torch" there are none.
    """

    name: ClassVar[str]
    presets: ClassVar[Mapping[str, Preset]]
    usual: ClassVar[Mapping[str, DetectionSettings]]
    class_names: Mapping[int, str] = CATEGORIES
    thread_safe = True

    def __init__(
        self,
        net: Net,
        size: int | None = None,
        settings: DetectionSettings | None = None,
        device: torch.device | None = None,
        description: Mapping[str, Any] | None = None,
        engine: str = "torch",
    ):
        """Run `net` on `device`, pictures at the short side `size` in pixels.

        Raises:
            UsageError: no such engine, not installed, or none of the device.
        """
        self.device = device or torch.device("cpu")
        require_engine(engine, self.device)
        self.net = ready(net, self.device)
        parts = self.parts(self.net) if engine == "onnx" else ()
        self.onnx: Mapping[str, OnnxLayers] = onnx_layers(parts)
        self.layers: RcnnLayers = (
            OnnxRcnn(self.rcnn, self.onnx) if self.onnx else FastRcnn(self.rcnn, self.device)
        )
        self.size = size or self.presets["compact"].size
        self.settings = settings or DetectionSettings()
        self.description = {
            "detector": self.name,
            **(description or {}),
            "size": self.size,
            "engine": engine,
            **asdict(self.settings),
        }

    @classmethod
    def of_preset(
        cls,
        preset: str,
        net: Net,
        size: int | None,
        device: str,
        about: Mapping[str, Any],
        engine: str,
        **settings: Any,
    ) -> Self:
        """A detector with the size and the settings of a preset where None is asked for.

        Raises:
            UsageError: no such device or engine, or a setting out of range.
        """
        asked = {name: value for name, value in settings.items() if value is not None}
        chosen = replace(cls.usual[preset], **asked)
        size = size or cls.presets[preset].size
        return cls(net, size, chosen, choose_device(device), about, engine)

    def views(self, frame: Frame) -> list[View]:
        """What the network sees of a frame: as it is, and once more where the settings say so."""
        image, zoom = frame.image.to(self.device), self.settings.second_view
        views = [self._view(image, self.size, mirrored=False)]
        if zoom:
            views.append(self._view(image.flip(-1), round(zoom * self.size), mirrored=True))
        return views

    def _view(self, image: Tensor, size: int, *, mirrored: bool) -> View:
        images, shown = for_detector(image, size)
        return View(self.layers.seen(images), shown, mirrored)

    @property
    @abstractmethod
    def rcnn(self) -> MaskRcnn:
        """What of the network is Mask R-CNN."""

    @staticmethod
    @abstractmethod
    def parts(net: Net) -> Sequence[OnnxPart]:
        """The network for ONNX Runtime: those of `rcnn_parts` and its own."""
