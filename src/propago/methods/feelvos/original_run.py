"""FEELVOS as the paper has it on a video: the annotated frames, and the one before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from propago.methods.feelvos.memory import owners
from propago.methods.feelvos.original import STRIDE, OriginalNet, Reference
from propago.nn.inference import ready, require_working_size
from propago.ops.aggregate import joint_softmax
from propago.ops.keeping import first_and_latest
from propago.ops.resize import bilinear, padded, resize, scaled_size
from propago.ranges import Ranged, ranged
from propago.types import Annotation, Frame, SoftMasks

MULTIPLE = 16


@dataclass(frozen=True)
class OriginalSettings(Ranged):
    """How the network is run.

    Attributes:
        size: short side in pixels that frames are worked on at; results have the frame's size.
        references: how many annotated frames are remembered: the first, and the latest others.
    """

    size: int = 480
    references: int = ranged(3, least=2)

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        require_working_size(self.size)
        super().__post_init__()


class Encoded(NamedTuple):
    """A frame: features (C, h, w), embedding (E, h, w), the working size (H, W) it is of."""

    features: Tensor
    embedding: Tensor
    size: tuple[int, int]


@dataclass(frozen=True)
class OriginalState:
    """What is known of a video so far.

    Attributes:
        ids: the objects.
        references: annotated frames.
        last: the previous frame.
        masks: (K + 1, h, w) probabilities there, the background's first.
    """

    ids: tuple[int, ...] = ()
    references: tuple[Reference, ...] = ()
    last: Reference | None = None
    masks: Tensor | None = None


class OriginalFeelvos:
    """The paper's FEELVOS as a `Propagator`."""

    look_ahead_frames = 0

    def __init__(
        self,
        net: OriginalNet,
        settings: OriginalSettings | None = None,
        device: torch.device | None = None,
        description: dict[str, str] | None = None,
    ):
        """Run `net` on `device`."""
        self.device = device or torch.device("cpu")
        self.net = ready(net, self.device)
        self.settings = settings or OriginalSettings()
        self.description = {"method": "feelvos", **(description or {})}

    def begin(self) -> OriginalState:
        """Nothing is known."""
        return OriginalState()

    def aggregate(self, masks: SoftMasks) -> SoftMasks:
        """Softmax over background and objects (section 3.5)."""
        return joint_softmax(masks)

    @torch.no_grad()
    def predict(self, state: OriginalState, frame: Frame) -> tuple[SoftMasks, Encoded]:
        """Masks from distances to annotated frames and to the previous one."""
        size = scaled_size(frame.size, self.settings.size)
        picture = padded(resize(frame.image.to(self.device), size)[None], MULTIPLE)
        features, embedding = self.net.encode(picture.contiguous(memory_format=torch.channels_last))
        seen = Encoded(features[0], embedding[0], size)
        if state.masks is None or state.last is None or not state.ids:
            return SoftMasks.none(frame.size), seen
        found = self.net.distances(seen.embedding, state.references, state.last, (0, *state.ids))
        coarse = self.net.logits(seen.features, found, state.masks)
        whole = bilinear(coarse[None], (picture.shape[-2], picture.shape[-1]))
        logits = bilinear(whole[..., : size[0], : size[1]], frame.size)[0]
        return SoftMasks(state.ids, logits.softmax(0)[1:], logits), seen

    def update(
        self,
        state: OriginalState,
        features: Encoded,
        masks: SoftMasks,
        annotation: Annotation | None,
    ) -> OriginalState:
        """The soft masks are fed back; an annotated frame is remembered for good."""
        if not masks.ids:
            return OriginalState()
        groups = shares(resize(masks.probabilities.to(self.device), features.size))
        last = Reference(features.embedding, owning_ids(groups, masks.ids))
        references = state.references
        if annotation and annotation.ids:
            shown = _only(last, masks.ids, annotation.ids)
            references = first_and_latest(references, shown, self.settings.references)
        return replace(state, ids=masks.ids, references=references, last=last, masks=groups)


def shares(masks: Tensor) -> Tensor:
    """(K + 1, h, w) at stride 4, the background first, of masks (K, H, W).

    Sides are padded as pictures are; what is padded is background.
    """
    height, width = masks.shape[-2:]
    masks = F.pad(masks, (0, -width % MULTIPLE, 0, -height % MULTIPLE))
    small = F.avg_pool2d(masks, STRIDE)
    return torch.cat([(1 - small.sum(0, keepdim=True)).clamp(0, 1), small])


def owning_ids(groups: Tensor, ids: Sequence[int]) -> Tensor:
    """(h, w) int64: the id that has the largest share of each position, 0 for the background."""
    names = torch.tensor([0, *ids], device=groups.device)
    return names[owners(groups.flatten(1))].view(groups.shape[1:])


def _only(seen: Reference, ids: Sequence[int], shown: Sequence[int]) -> Reference:
    """Objects that a person has not shown in this frame are nobody's there."""
    unsure = [i for i in ids if i not in shown]
    hidden = torch.isin(seen.owners, torch.tensor(unsure, device=seen.owners.device))
    return replace(seen, owners=seen.owners.masked_fill(hidden, -1))
