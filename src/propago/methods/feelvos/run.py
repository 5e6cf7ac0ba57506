"""FEELVOS on a video: what is remembered from frame to frame, and for how long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from propago.errors import UsageError
from propago.finetune.annotated import AnnotatedFrame, annotated_frame
from propago.finetune.fine_tuning import FineTuning
from propago.methods.feelvos.finetune import fine_tuned_head, with_head
from propago.methods.feelvos.memory import Memory
from propago.methods.feelvos.net import PRESETS, VISIBLE, FeelvosNet, FrameFeatures
from propago.methods.feelvos.object_inputs import (
    ObjectInputs,
    Region,
    carry,
    photometric_error,
    region_of,
)
from propago.nn.inference import choose_device, ready
from propago.nn.presets import load_network
from propago.ops.aggregate import joint_softmax
from propago.ops.flow import dis_flow, grey
from propago.ops.resize import resize
from propago.types import Annotation, Annotations, Frame, SoftMasks

Kept = TypeVar("Kept")

ABSENT = -10.0
"""The logit of an object where no cue sees it."""


@dataclass(frozen=True)
class FeelvosSettings:
    """How the network is run.

    Attributes:
        size: short side in pixels that frames are worked on at; results have the frame's size.
        anchors: how many annotated frames are remembered: the first, and the latest others.
        recent: how many other frames are remembered beside the previous one.
        interval_frames: frames between two of the recent ones.
        visible: an object is decoded around the positions of which flow, or where flow has lost it
            matching, gives it more than this share; it cannot appear far from where it was.
        margin: so many positions around.
    """

    size: int = PRESETS["compact"].size
    anchors: int = 3
    recent: int = 1
    interval_frames: int = 5
    visible: float = VISIBLE
    margin: int = 6

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if self.size < 64:
            raise UsageError(f"size {self.size}: the working size is at least 64 px")
        if self.anchors < 2 or self.recent < 0 or self.interval_frames < 1:
            raise UsageError("anchors is at least 2, recent at least 0, interval_frames at least 1")


@dataclass(frozen=True)
class PreviousFrame:
    """The previous frame: its memory, its picture (3, h, w), its masks (K, h, w)."""

    memory: Memory
    picture: Tensor
    masks: Tensor


@dataclass(frozen=True)
class FeelvosState:
    """What is known of a video so far, at the working size (h, w).

    Attributes:
        ids: the objects, in the order of every K axis.
        anchors: memories of annotated frames.
        recent: memories of other frames, oldest first.
        previous: the previous frame; None where nothing is followed.
        frames: how many frames were seen since the first mask.
        annotated: the first and the latest annotated frames, kept for fine-tuning alone.
        head: parameters of the head fine-tuned on them, by name; None without fine-tuning.
    """

    ids: tuple[int, ...] = ()
    anchors: tuple[Memory, ...] = ()
    recent: tuple[Memory, ...] = ()
    previous: PreviousFrame | None = None
    frames: int = 0
    annotated: tuple[AnnotatedFrame, ...] = ()
    head: Mapping[str, Tensor] | None = None


@dataclass(frozen=True)
class FeelvosFeatures:
    """What was computed of the present frame: the frame at the working size, and its features."""

    picture: Tensor
    features: FrameFeatures

    @property
    def size(self) -> tuple[int, int]:
        """The working size (h, w)."""
        return self.picture.shape[-2], self.picture.shape[-1]


class Feelvos:
    """FEELVOS as a `Propagator`."""

    look_ahead_frames = 0

    def __init__(
        self,
        net: FeelvosNet,
        settings: FeelvosSettings | None = None,
        device: torch.device | None = None,
        description: dict[str, str] | None = None,
        finetune: FineTuning | None = None,
    ):
        """Run `net`; with batch norms folded, in a copy. With `finetune` its head is, too."""
        self.device = device or torch.device("cpu")
        self.net = ready(net, self.device)
        self.settings = settings or FeelvosSettings()
        self.description = {"method": "feelvos", **(description or {})}
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
    ) -> "Feelvos":
        """FEELVOS with trained weights.

        Args:
            preset: "compact".
            weights: "default", "synthetic", or a safetensors file.
            device: "auto", "cpu", "cuda" or "mps".
            size: working size, short side in pixels.
            finetune: how the head is fine-tuned on annotated frames; it is not if None.

        Raises:
            UsageError: an unknown preset or device.
            WeightsError: no such weights, corrupt, or of another network.
        """
        net, about = load_network(PRESETS, FeelvosNet, preset, weights)
        settings = FeelvosSettings(size=size or PRESETS[preset].size)
        return cls(net, settings, choose_device(device), about, finetune)

    def begin(self) -> FeelvosState:
        """Nothing is known."""
        return FeelvosState()

    def aggregate(self, masks: SoftMasks) -> SoftMasks:
        """Softmax over background and objects (section 3.5)."""
        return joint_softmax(masks)

    def predict(self, state: FeelvosState, frame: Frame) -> tuple[SoftMasks, FeelvosFeatures]:
        """Masks from matching against what is remembered, decoded per object."""
        size = working_size(frame.size, self.settings.size)
        picture = resize(frame.image.to(self.device), size)
        encoded = self.net.encode_image(picture[None].contiguous(memory_format=torch.channels_last))
        features = FeelvosFeatures(picture, encoded)
        if state.previous is None:
            return SoftMasks.none(frame.size), features
        previous = state.previous
        flow = torch.from_numpy(dis_flow(grey(picture), grey(previous.picture))).to(self.device)
        unexpected = photometric_error(previous.picture[None], picture[None], flow[None])
        carried, others = carry(previous.masks, flow)
        memory = (*state.anchors, *state.recent, previous.memory)
        wanted = self._wanted(self.net.carried_shares(carried))
        cues = self.net.cues(encoded.embedding[0], memory, wanted)
        small = self._decoded(state.head, features, ObjectInputs(cues, carried, others), unexpected)
        logits = F.interpolate(small[None], frame.size, mode="bilinear", align_corners=False)[0]
        with_background = torch.cat([torch.zeros_like(logits[:1]), logits])
        return SoftMasks(state.ids, logits.sigmoid(), with_background), features

    def _decoded(
        self,
        head: Mapping[str, Tensor] | None,
        now: FeelvosFeatures,
        rows: ObjectInputs,
        unexpected: Tensor,
    ) -> Tensor:
        """(K, h, w) logits; each object is decoded only where some cue sees it."""
        net = with_head(self.net, head)
        prepared, stride = net.prepare(now.features), net.config.match_stride
        logits = unexpected.new_full((len(rows.carried), *now.size), ABSENT)
        owner = torch.zeros(1, dtype=torch.int64, device=self.device)
        for row, share in enumerate(net.shares(rows)):
            region = self._region(share)
            if region is not None:
                region.of(logits[row], stride).copy_(
                    net.logits(
                        prepared.inside(region),
                        owner,
                        rows.inside(row, region, stride),
                        region.of(unexpected, stride),
                    )[0]
                )
        return logits

    def _region(self, share: Tensor) -> Region | None:
        """Where an object is decoded that has `share` (h, w) of each position."""
        return region_of(share, self.settings.visible, self.settings.margin)

    def _wanted(self, carried: Tensor) -> Tensor | None:
        """(h, w) where objects are decoded that flow has carried to `carried` (K, h, w).

        None, which is everywhere, where flow has lost one.
        """
        wanted = torch.zeros_like(carried[0], dtype=torch.bool)
        for share in carried:
            region = self._region(share) if share.max() > VISIBLE else None
            if region is None:
                return None
            region.of(wanted).fill_(True)
        return wanted

    def update(
        self,
        state: FeelvosState,
        features: FeelvosFeatures,
        masks: SoftMasks,
        annotation: Annotation | None,
    ) -> FeelvosState:
        """Remember this frame: for good if a person annotated it, else for a while."""
        if not masks.ids:
            return replace(state, ids=(), anchors=(), recent=(), previous=None, frames=0)
        small = resize(masks.probabilities.to(self.device), features.size)
        encoded = features.features
        now = self.net.encode_memory(encoded.embedding[0], encoded.context[0], small)
        state = self._with_objects(state, masks.ids)
        anchors, recent = state.anchors, state.recent
        if annotation is not None and annotation.ids:
            anchors = self._with_latest(anchors, now)
        elif state.frames % self.settings.interval_frames == 0 and self.settings.recent:
            recent = (*recent, now)[-self.settings.recent :]
        after = replace(
            state,
            ids=masks.ids,
            anchors=anchors,
            recent=recent,
            previous=PreviousFrame(now, features.picture, small),
            frames=state.frames + 1,
        )
        if self.finetune is None or annotation is None or not annotation.ids:
            return after
        latest = annotated_frame(features.picture, annotation, masks.labels())
        annotated = self._with_latest(state.annotated, latest)
        head = fine_tuned_head(self.net, annotated, self.finetune)
        return replace(after, annotated=annotated, head=head)

    def fine_tuning_count(self, annotations: Annotations) -> int:
        """One for each annotated frame: its head, anew."""
        return sum(bool(annotation.ids) for annotation in annotations.values())

    def _with_latest(self, kept: tuple[Kept, ...], latest: Kept) -> tuple[Kept, ...]:
        """The first of the annotated frames and the latest others, as many as are remembered."""
        return (*kept[:1], *(*kept[1:], latest)[-(self.settings.anchors - 1) :])

    def _with_objects(self, state: FeelvosState, ids: tuple[int, ...]) -> FeelvosState:
        """`state` whose memories have one row for each of `ids`; new ones are empty."""
        if state.ids == ids:
            return state

        def fit(memories: Sequence[Memory]) -> tuple[Memory, ...]:
            return tuple(self.net.reordered(past, state.ids, ids) for past in memories)

        return replace(state, anchors=fit(state.anchors), recent=fit(state.recent))


def working_size(size: tuple[int, int], short_px: int) -> tuple[int, int]:
    """(h, w) near `size` scaled so that the short side is at most `short_px`; multiples of 16."""
    scale = min(1.0, short_px / min(size))
    height, width = (max(32, round(side * scale / 16) * 16) for side in size)
    return height, width
