"""FEELVOS on a video: what is remembered from frame to frame, and for how long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from propago.errors import UsageError
from propago.finetune.annotated import annotated_frame
from propago.finetune.fine_tuning import FineTuning
from propago.methods.feelvos.finetune import fine_tuned_head, with_head
from propago.methods.feelvos.memory import Memory
from propago.methods.feelvos.net import PRESETS, VISIBLE, FeelvosNet, FrameFeatures
from propago.methods.feelvos.object_inputs import ObjectInputs, Region, carry, region_of
from propago.methods.feelvos.state import FeelvosState, PreviousFrame
from propago.nn.inference import choose_device, fast_precision, ready
from propago.nn.presets import load_network
from propago.ops.aggregate import joint_softmax
from propago.ops.flow import dis_flow, grey
from propago.ops.parallel import one_core, team
from propago.ops.resize import bilinear, resize
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

    @torch.no_grad()
    def encode(self, frame: Frame) -> FeelvosFeatures:
        """What is computed of a frame alone, whatever came before it."""
        picture = resize(frame.image.to(self.device), working_size(frame.size, self.settings.size))
        batch = picture[None].contiguous(memory_format=torch.channels_last)
        with fast_precision(self.device):
            return FeelvosFeatures(picture, self.net.encode_image(batch))

    @one_core()
    def predict(self, state: FeelvosState, frame: Frame) -> tuple[SoftMasks, FeelvosFeatures]:
        """Masks from matching against what is remembered, decoded per object."""
        features = self.encode(frame) if frame.encoded is None else frame.encoded
        if state.previous is None:
            return SoftMasks.none(frame.size), features
        previous, picture = state.previous, features.picture
        flow = torch.from_numpy(dis_flow(grey(picture), grey(previous.picture))).to(self.device)
        carried, others, error = carry(previous.picture, picture, previous.masks, flow)
        wanted = self._wanted(self.net.carried_shares(carried))
        memory = (*state.anchors, *state.recent, previous.memory)
        cues = self.net.cues(features.features.embedding[0], memory, wanted)
        inputs = ObjectInputs(cues, carried, others)
        with fast_precision(self.device):
            small = self._decoded(state.head, features.features, inputs, error[None])
        logits = torch.cat(team().map(lambda row: bilinear(row[None, None], frame.size)[0], small))
        with_background = torch.cat([torch.zeros_like(logits[:1]), logits])
        return SoftMasks(state.ids, logits.sigmoid(), with_background), features

    def _decoded(
        self,
        head: Mapping[str, Tensor] | None,
        now: FrameFeatures,
        inputs: ObjectInputs,
        error: Tensor,
    ) -> Tensor:
        """(K, h, w) logits; each object is decoded only where some cue sees it."""
        net = with_head(self.net, head)
        shares, stride = net.shares(inputs), net.config.match_stride
        logits = error.new_full((len(shares), *error.shape[-2:]), ABSENT)
        owner = torch.zeros(1, dtype=torch.int64, device=self.device)

        def decode(row: int) -> None:
            region = self._region(shares[row])
            if region is not None:
                prepared = net.prepare_inside(now, region)
                own = inputs.inside(row, region, stride)
                found = net.logits(prepared, owner, own, region.of(error, stride))
                region.of(logits[row], stride).copy_(found[0])

        team().map(decode, range(len(shares)))
        return logits

    def _region(self, share: Tensor) -> Region | None:
        """Where an object is decoded that has `share` (h, w) of each position."""
        return region_of(share, self.settings.visible, self.settings.margin)

    def _wanted(self, carried: Tensor) -> Tensor:
        """(K, h, w) where objects are decoded that flow has carried to `carried` (K, h, w).

        That is everywhere where flow has lost an object.
        """
        wanted = torch.zeros_like(carried, dtype=torch.bool)
        for there, share in zip(wanted, carried, strict=True):
            region = self._region(share) if share.max() > VISIBLE else None
            (there if region is None else region.of(there)).fill_(True)
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
        annotated = annotation is not None and bool(annotation.ids)
        after = self._remembered(state, features, masks, for_good=annotated)
        if self.finetune is None or annotation is None or not annotated:
            return after
        latest = annotated_frame(features.picture, annotation, masks.labels())
        shown = self._with_latest(state.annotated, latest)
        head = fine_tuned_head(self.net, shown, self.finetune)
        return replace(after, annotated=shown, head=head)

    @one_core()
    def _remembered(
        self, state: FeelvosState, features: FeelvosFeatures, masks: SoftMasks, *, for_good: bool
    ) -> FeelvosState:
        """`state` with the memory of one frame more."""
        probabilities, size = masks.probabilities.to(self.device), features.size
        small = torch.cat(team().map(lambda row: resize(row[None], size), probabilities))
        encoded = features.features
        with fast_precision(self.device):
            now = self.net.encode_memory(encoded.embedding[0], encoded.context[0], small)
        state = self._with_objects(state, masks.ids)
        anchors, recent = state.anchors, state.recent
        if for_good:
            anchors = self._with_latest(anchors, now)
        elif state.frames % self.settings.interval_frames == 0 and self.settings.recent:
            recent = (*recent, now)[-self.settings.recent :]
        return replace(
            state,
            ids=masks.ids,
            anchors=anchors,
            recent=recent,
            previous=PreviousFrame(now, features.picture, small),
            frames=state.frames + 1,
        )

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
