"""The spatial propagation network on the masks of a frame, object by object."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from propago.errors import ShapeError
from propago.nn.inference import choose_device, ready
from propago.nn.presets import load_network
from propago.ops.resize import enlargement, resize
from propago.refinement.spn.net import PRESETS, SpnNet
from propago.refinement.spn.settings import SpnSettings
from propago.types import Frame, SoftMasks, require_probabilities


class Spn:
    """A trained network as a `Refiner`; objects are refined alone, so ids never mix."""

    def __init__(
        self,
        net: SpnNet,
        settings: SpnSettings | None = None,
        description: dict[str, str] | None = None,
    ) -> None:
        """Refine with `net`; `description` says which weights it has, their hash and licence."""
        self.net = net.eval()
        self.settings = settings or SpnSettings()
        self.description = {"refiner": "spn", **(description or {})}

    @classmethod
    def load(
        cls,
        weights: str | Path = "default",
        *,
        device: str = "auto",
        settings: SpnSettings | None = None,
    ) -> "Spn":
        """The network that the weights are of, ready to run.

        Args:
            weights: "default", which is compact, or a safetensors file that `propago train` wrote,
                of the compact or the paper preset.
            device: auto, cpu, cuda or mps.
            settings: where it works.

        Raises:
            WeightsError: no such weights, corrupt, or of another network.
            UsageError: no such device.
        """
        net, about = load_network(PRESETS, SpnNet, weights=weights)
        return cls(ready(net, choose_device(device)), settings, about)

    def __call__(self, frame: Frame, masks: SoftMasks) -> SoftMasks:
        """Sharper masks of the same objects.

        Raises:
            ShapeError: the masks are of another size than the frame.
            MaskError: soft masks that are not numbers in [0, 1].
        """
        return masks.replaced(self.refine(frame.image, masks.probabilities))

    @torch.no_grad()
    def refine(self, image: Tensor, probabilities: Tensor) -> Tensor:
        """Sharper probabilities.

        Args:
            image: (3, H, W) RGB in [0, 1].
            probabilities: (K, H, W) in [0, 1].

        Returns:
            (K, H, W) float32 in [0, 1].

        Raises:
            ShapeError: sizes differ.
            MaskError: probabilities that are not numbers in [0, 1].
        """
        if image.ndim != 3 or probabilities.ndim != 3 or image.shape[1:] != probabilities.shape[1:]:
            raise ShapeError(
                f"an image (3, H, W) and masks (K, H, W) have one size; these are "
                f"{tuple(image.shape)} and {tuple(probabilities.shape)}"
            )
        require_probabilities(probabilities)
        device = next(self.net.parameters()).device
        out = probabilities.to(device, torch.float32).clone()
        image = image.to(device)
        for row in out:
            box = self._box(row)
            if box is not None:
                row[box] = self._crop_refined(image[(slice(None), *box)], row[box])
        return out.to(probabilities.device)

    def _crop_refined(self, image: Tensor, row: Tensor) -> Tensor:
        """(h, w) sharper scores of one object's crop, worked on at a larger size if it is small."""
        height, width = size = (row.shape[0], row.shape[1])
        factor = enlargement(size, self.settings.cover_px)
        larger = (round(factor * height), round(factor * width))
        coarse = F.interpolate(row[None, None], larger, mode="nearest-exact")
        refined = self.net(resize(image, larger)[None], coarse)[0]
        return resize(refined, size)[0].clamp(0, 1)

    def _box(self, row: Tensor) -> tuple[slice, slice] | None:
        """Rows and columns to work on; None where the object is absent."""
        present = row > self.settings.present
        sides = []
        for axis in (1, 0):
            at = present.any(axis).nonzero()
            if not len(at):
                return None
            length = row.shape[1 - axis]
            margin = length if self.settings.whole_frame else self.settings.margin_px
            sides.append(slice(max(int(at[0]) - margin, 0), min(int(at[-1]) + 1 + margin, length)))
        return sides[0], sides[1]
