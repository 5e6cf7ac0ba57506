"""RGMP on a video: each object by itself, its soft mask and its reference frame remembered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from propago.errors import UsageError
from propago.methods.rgmp.net import PRESETS, RgmpNet
from propago.nn.inference import (
    choose_device,
    fast_precision,
    laid_out,
    ready,
    require_working_size,
)
from propago.nn.presets import load_network
from propago.ops.aggregate import odds_ratio
from propago.ops.resize import bilinear, resize, scaled_size
from propago.types import Annotation, Frame, SoftMasks


@dataclass(frozen=True)
class RgmpSettings:
    """How the network is run.

    Attributes:
        size: short side in pixels that frames are worked on at; results have the frame's size.
        scales: of that size; the probabilities at all of them are averaged. The paper's are
            .5, .75 and 1.
    """

    size: int = PRESETS["compact"].size
    scales: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        require_working_size(self.size)
        if not self.scales or not all(0 < scale <= 1 for scale in self.scales):
            raise UsageError(f"scales {self.scales}: one or more, above 0 and at most 1")


PAPER_SCALES = (0.5, 0.75, 1.0)


@dataclass(frozen=True)
class RgmpState:
    """What is known of a video so far.

    Attributes:
        ids: the objects.
        references: by object what the encoder said of the frame it was last annotated in, one
            (C, h, w) for each scale.
        masks: (K, h, w) probabilities of the objects in the previous frame, at the working size.
    """

    ids: tuple[int, ...] = ()
    references: Mapping[int, tuple[Tensor, ...]] = field(default_factory=dict)
    masks: Tensor | None = None


class Rgmp:
    """Reference-guided mask propagation as a `Propagator`."""

    look_ahead_frames = 0

    def __init__(
        self,
        net: RgmpNet,
        settings: RgmpSettings | None = None,
        device: torch.device | None = None,
        description: dict[str, str] | None = None,
    ):
        """Run `net` on `device`."""
        self.device = device or torch.device("cpu")
        self.net = ready(net, self.device)
        self.settings = settings or RgmpSettings()
        self.description = {
            "method": "rgmp",
            **(description or {}),
            "scales": ", ".join(f"{scale:g}" for scale in self.settings.scales),
        }

    @classmethod
    def load(
        cls,
        preset: str = "compact",
        weights: str | Path = "default",
        device: str = "auto",
        size: int | None = None,
        scales: tuple[float, ...] | None = None,
    ) -> "Rgmp":
        """The method with a trained network.

        Args:
            preset: "compact" or "paper".
            weights: "default", or a safetensors file that `propago train` wrote. The paper preset
                has no default.
            device: "auto", "cpu", "cuda" or "mps".
            size: working size, short side in pixels; the preset's own if None.
            scales: shares of it to average over; 1 for compact, the paper's three for paper.

        Raises:
            UsageError: an unknown preset or device, or a size or scale out of range.
            WeightsError: no such weights, corrupt, or of another network.
        """
        net, about = load_network(PRESETS, RgmpNet, preset, weights)
        scales = scales or (PAPER_SCALES if preset == "paper" else (1.0,))
        settings = RgmpSettings(size or PRESETS[preset].size, scales)
        return cls(net, settings, choose_device(device), about)

    def begin(self) -> RgmpState:
        """Nothing is known."""
        return RgmpState()

    def aggregate(self, masks: SoftMasks) -> SoftMasks:
        """Odds of each object over the odds of all (equation 1)."""
        return odds_ratio(masks)

    def predict(self, state: RgmpState, frame: Frame) -> tuple[SoftMasks, Tensor]:
        """Each object's probabilities, and the picture (3, h, w) at the working size."""
        size = scaled_size(frame.size, self.settings.size)
        picture = resize(frame.image.to(self.device), size)
        if state.masks is None or not state.ids:
            return SoftMasks.none(frame.size), picture
        rows = self._at_scales(picture, state.masks)
        with fast_precision(self.device):
            seen = [self.net(_reference(state, n), *row).float() for n, row in enumerate(rows)]
        found = [bilinear(logits[None], frame.size)[0] for logits in seen]
        probabilities = torch.stack([logits.sigmoid() for logits in found]).mean(0)
        return SoftMasks(state.ids, probabilities), picture

    def update(
        self, state: RgmpState, features: Tensor, masks: SoftMasks, annotation: Annotation | None
    ) -> RgmpState:
        """The soft masks are fed back; an annotated frame is the reference of its objects."""
        small = resize(
            masks.probabilities.to(self.device), (features.shape[-2], features.shape[-1])
        )
        references = {i: r for i, r in state.references.items() if i in masks.ids}
        shown = [i for i in (annotation.ids if annotation else ()) if i in masks.ids]
        if shown:
            known = small[[masks.ids.index(i) for i in shown]]
            with fast_precision(self.device):
                scales = [self.net.reference(*at) for at in self._at_scales(features, known)]
            references |= zip(shown, zip(*scales, strict=True), strict=True)
        return RgmpState(masks.ids, references, small)

    def _at_scales(self, picture: Tensor, masks: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The picture (1, 3, h, w) and masks (K, h, w) at each scale."""
        whole = (picture.shape[-2], picture.shape[-1])
        sizes = [scaled_size(whole, round(min(whole) * scale)) for scale in self.settings.scales]
        return [(laid_out(resize(picture, size)[None]), resize(masks, size)) for size in sizes]


def _reference(state: RgmpState, scale: int) -> Tensor:
    """(K, C, h, w) of all objects at one of the scales."""
    return torch.stack([state.references[i][scale] for i in state.ids])
