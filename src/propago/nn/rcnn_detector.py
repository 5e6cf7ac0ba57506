"""What the detectors of Mask R-CNN's family share: a network, ready to run, and how it is run."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import nn

from propago.io.categories import CATEGORIES
from propago.nn.detection import DetectionSettings
from propago.nn.inference import ready

Net = TypeVar("Net", bound=nn.Module)

MAX_INSIDE = {"compact": 0.9, "paper": 1.0}
"""`DetectionSettings.max_inside` by preset: the compact one finds parts of what it finds, too."""


class RcnnDetector(Generic[Net]):
    """A network and its settings; a `Detector` once it is called with a frame.

    Attributes:
        name: of the detector, in the record of a run.
        usual_size: short side in pixels where no other is asked for.
        class_names: by category id, of the compact preset.
    """

    name: ClassVar[str]
    usual_size: ClassVar[int]
    class_names: Mapping[int, str] = CATEGORIES

    def __init__(
        self,
        net: Net,
        size: int | None = None,
        settings: DetectionSettings | None = None,
        device: torch.device | None = None,
        description: Mapping[str, Any] | None = None,
    ):
        """Run `net` on `device`, pictures at the short side `size` in pixels."""
        self.device = device or torch.device("cpu")
        self.net = ready(net, self.device)
        self.size = size or self.usual_size
        self.settings = settings or DetectionSettings()
        self.description = {
            "detector": self.name,
            **(description or {}),
            "size": self.size,
            **asdict(self.settings),
        }
