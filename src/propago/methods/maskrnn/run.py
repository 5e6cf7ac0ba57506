"""MaskRNN on a video: each object by itself, its mask carried by flow, looked for in its box."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from propago.finetune.annotated import AnnotatedFrame, annotated_frame
from propago.finetune.fine_tuning import FineTuning
from propago.finetune.objects import KEPT
from propago.methods.maskrnn.finetune import fine_tuned_head, with_head
from propago.methods.maskrnn.net import PRESETS, Estimate, MaskRnnNet, motion_planes
from propago.methods.maskrnn.region import (
    ABSENT,
    LOST_GROWTH,
    asked_about,
    grown,
    inside,
    mask_boxes,
    refined,
    whole_picture,
)
from propago.nn.inference import (
    choose_device,
    fast_precision,
    laid_out,
    ready,
    require_working_size,
)
from propago.nn.presets import load_network
from propago.ops.aggregate import hard_max
from propago.ops.flow import dis_flow, grey, warp
from propago.ops.keeping import first_and_latest
from propago.ops.resize import bilinear, resize, scaled_size
from propago.types import Annotation, Annotations, Frame, SoftMasks


@dataclass(frozen=True)
class MaskRnnSettings:
    """How the network is run.

    Attributes:
        size: short side in pixels that frames are worked on at; results have the frame's size.
        localised: what is segmented counts in the refined box alone.
    """

    size: int = PRESETS["compact"].size
    localised: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        require_working_size(self.size)


@dataclass(frozen=True)
class MaskRnnState:
    """The previous frame, at the working size (h, w).

    Attributes:
        ids: the objects.
        masks: (K, h, w) their probabilities.
        boxes: (K, 4) x0, y0, x1, y1 in pixels around them; of a lost one where it is looked for.
        luma: (h, w) uint8.
        shown: the first and the latest annotated frames, kept for fine-tuning alone.
        heads: by object, what was fine-tuned on it; without fine-tuning none.
    """

    ids: tuple[int, ...] = ()
    masks: Tensor | None = None
    boxes: Tensor | None = None
    luma: Tensor | None = None
    shown: tuple[AnnotatedFrame, ...] = ()
    heads: Mapping[int, Mapping[str, Tensor]] = field(default_factory=dict)


@dataclass(frozen=True)
class MaskRnnFeatures:
    """A frame at the working size: its picture (3, h, w), its luma (h, w) uint8."""

    picture: Tensor
    luma: Tensor


class MaskRnn:
    """MaskRNN as a `Propagator`; it sees one frame ahead, for the flow to it."""

    look_ahead_frames = 1
    trial_frames = 0

    def __init__(
        self,
        net: MaskRnnNet,
        settings: MaskRnnSettings | None = None,
        device: torch.device | None = None,
        description: dict[str, str] | None = None,
        finetune: FineTuning | None = None,
    ):
        """Run `net` on `device`; with `finetune` a part of it is fine-tuned on each object."""
        self.device = device or torch.device("cpu")
        self.net = ready(net, self.device)
        self.settings = settings or MaskRnnSettings()
        self.description = {"method": "maskrnn", **(description or {})}
        self.finetune = finetune
        if finetune:
            self.description["finetune"] = str(finetune.budget)

    @classmethod
    def load(
        cls,
        preset: str = "compact",
        weights: str | Path = "default",
        device: str = "auto",
        size: int | None = None,
        finetune: FineTuning | None = None,
    ) -> "MaskRnn":
        """The method with a trained network.

        Args:
            preset: "compact" or "paper".
            weights: "default", or a safetensors file that `propago train` wrote.
            device: "auto", "cpu", "cuda" or "mps".
            size: working size, short side in pixels; the preset's own if None.
            finetune: how it is fine-tuned on each annotated object; it is not if None.

        Raises:
            UsageError: an unknown preset or device, or a size out of range.
            WeightsError: no such weights, corrupt, or of another network.
        """
        net, about = load_network(PRESETS, MaskRnnNet, preset, weights)
        settings = MaskRnnSettings(size or PRESETS[preset].size)
        return cls(net, settings, choose_device(device), about, finetune)

    def begin(self) -> MaskRnnState:
        """Nothing is known."""
        return MaskRnnState()

    def aggregate(self, masks: SoftMasks) -> SoftMasks:
        """The best object wins, background up to .5."""
        return hard_max(masks)

    def predict(self, state: MaskRnnState, frame: Frame) -> tuple[SoftMasks, MaskRnnFeatures]:
        """Each object's probabilities, and the frame at the working size."""
        picture = self._picture(frame)
        size = (picture.shape[-2], picture.shape[-1])
        luma = grey(picture)
        seen = MaskRnnFeatures(picture, torch.from_numpy(luma))
        if state.masks is None or state.boxes is None or state.luma is None or not state.ids:
            return SoftMasks.none(frame.size), seen
        back = self._flow(luma, state.luma.numpy())
        after = grey(self._picture(frame.ahead[0])) if frame.ahead else None
        ahead = torch.zeros_like(back) if after is None else self._flow(luma, after)
        carried = warp(state.masks[None], back)[0].clamp(0, 1)
        boxes, there = asked_about(carried, state.boxes)
        estimate = self._estimate(state, picture, carried, motion_planes(back, ahead), boxes)
        found = estimate.logits
        if self.settings.localised:
            kept = inside(refined(estimate.offsets, boxes, there, size), size)
            found = torch.where(kept, found, ABSENT)
        logits = bilinear(found[None], frame.size)[0]
        return SoftMasks(state.ids, logits.sigmoid()), seen

    def update(
        self,
        state: MaskRnnState,
        features: MaskRnnFeatures,
        masks: SoftMasks,
        annotation: Annotation | None,
    ) -> MaskRnnState:
        """The masks as they are; the box of an object that is lost grows."""
        size = (features.luma.shape[0], features.luma.shape[1])
        small = resize(masks.probabilities.to(self.device), size)
        boxes, there = mask_boxes(small)
        searched = whole_picture(len(masks.ids), size).to(boxes)
        if state.boxes is not None:
            wider = grown(state.boxes, LOST_GROWTH, size)
            for row, object_id in enumerate(masks.ids):
                if object_id in state.ids:
                    searched[row] = wider[state.ids.index(object_id)]
        boxes = torch.where(there[:, None], boxes, searched)
        after = replace(state, ids=masks.ids, masks=small, boxes=boxes, luma=features.luma)
        if self.finetune is None or annotation is None or not annotation.ids:
            return after
        latest = annotated_frame(features.picture, annotation, masks.labels())
        return self._fine_tuned(after, latest, self.finetune)

    def fine_tuning_count(self, annotations: Annotations) -> int:
        """One for each object of each annotated frame, anew."""
        return sum(len(annotation.ids) for annotation in annotations.values())

    def _fine_tuned(
        self, state: MaskRnnState, latest: AnnotatedFrame, finetune: FineTuning
    ) -> MaskRnnState:
        """`state` with what is fine-tuned on the objects of the latest annotated frame."""
        shown = first_and_latest(state.shown, latest, KEPT)
        heads = {i: fine_tuned_head(self.net, i, shown, finetune) for i in latest.ids}
        learnt = {i: head for i, head in heads.items() if head is not None}
        kept = {i: head for i, head in state.heads.items() if i in state.ids}
        return replace(state, shown=shown, heads=kept | learnt)

    def _estimate(
        self, state: MaskRnnState, picture: Tensor, carried: Tensor, motion: Tensor, boxes: Tensor
    ) -> Estimate:
        """What the network says of the objects, each with what was fine-tuned on it."""
        image = laid_out(picture[None])
        with fast_precision(self.device):
            if state.heads:
                rows = zip(state.ids, carried[:, None], boxes[:, None], strict=True)
                own = [
                    with_head(self.net, state.heads.get(object_id))(image, before, motion, box)
                    for object_id, before, box in rows
                ]
            else:
                own = [self.net(image, carried, motion, boxes)]
        logits, _, offsets = zip(*own, strict=True)
        return Estimate(torch.cat(logits).float(), [], torch.cat(offsets).float())

    def _picture(self, frame: Frame) -> Tensor:
        """(3, h, w) at the working size."""
        size = scaled_size(frame.size, self.settings.size)
        return resize(frame.image.to(self.device), size)

    def _flow(self, now: np.ndarray, other: np.ndarray) -> Tensor:
        """(1, 2, h, w) flow between two lumas, in pixels."""
        return torch.from_numpy(dis_flow(now, other))[None].to(self.device)
