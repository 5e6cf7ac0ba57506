"""Seg-with-SPN on a video: networks tuned on the annotated frames, then run frame by frame.

Source: Cheng et al., "Learning to Segment Instances in Videos with Spatial Propagation Network",
DAVIS challenge 2017. The paper's refinement (SPN) and filter (CRAF) are not in here: the table of
methods names them, and they run after any method.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from propago.finetune.annotated import AnnotatedFrame
from propago.finetune.budget import Budget
from propago.finetune.cache import FineTuneCache
from propago.finetune.fine_tuning import FineTuning
from propago.methods.seg_with_spn import lessons
from propago.methods.seg_with_spn.net import PRESETS, SegNet, with_outputs
from propago.methods.seg_with_spn.objective import SegBatch, seg_loss
from propago.methods.seg_with_spn.settings import SegSettings
from propago.nn.inference import choose_device, ready
from propago.nn.presets import load_network
from propago.ops.aggregate import hard_max
from propago.ops.resize import resize, scaled_size
from propago.types import Annotation, Frame, SoftMasks

BUDGET = Budget(seconds=60)
"""Of each fine-tuning, where nothing else is asked for."""

Parameters = Mapping[str, Tensor]


@dataclass(frozen=True)
class TunedNet:
    """A network tuned to objects: its weights, output for output.

    Attributes:
        ids: the object of each output.
        weights: the tuned parameters by name, all others are the parent's.
    """

    ids: tuple[int, ...]
    weights: Parameters


@dataclass(frozen=True)
class SegState:
    """What is known of a video.

    Attributes:
        ids: the objects that are followed.
        known: every object there has been; labels of `annotated` are rows of it, from 1 on.
        annotated: the annotated frames, at the working size.
        foreground: tuned parameters of the foreground network.
        tuned: the networks of the objects.
    """

    ids: tuple[int, ...] = ()
    known: tuple[int, ...] = ()
    annotated: tuple[AnnotatedFrame, ...] = ()
    foreground: Parameters = field(default_factory=dict)
    tuned: tuple[TunedNet, ...] = ()


class SegWithSpn:
    """Foreground network and object networks as a `Propagator`."""

    look_ahead_frames = 0

    def __init__(
        self,
        net: SegNet,
        finetune: FineTuning | None = None,
        settings: SegSettings | None = None,
        device: torch.device | None = None,
        description: dict[str, str] | None = None,
    ):
        """Run `net`, a foreground network of one output; each fine-tuning works on a copy."""
        self.device = device or torch.device("cpu")
        self.net = ready(net, self.device)
        self.settings = settings or SegSettings()
        self.finetune = finetune or FineTuning(BUDGET, FineTuneCache())
        self.description = {
            "method": "seg_with_spn",
            **(description or {}),
            "per": self.settings.per,
            "tune_foreground": str(self.settings.tune_foreground),
            "finetune": str(self.finetune.budget),
        }

    @classmethod
    def load(
        cls,
        preset: str = "compact",
        weights: str | Path = "default",
        device: str = "auto",
        size: int | None = None,
        finetune: FineTuning | None = None,
        settings: SegSettings | None = None,
    ) -> "SegWithSpn":
        """The method with a trained foreground network.

        Args:
            preset: "compact" or "paper".
            weights: "default", or a safetensors file that `propago train` wrote. The paper preset
                has no default.
            device: "auto", "cpu", "cuda" or "mps".
            size: working size, short side in pixels; the preset's own if None.
            finetune: budget and cache of the fine-tunings; 60 s each, the user's cache, if None.
            settings: everything else; its size gives way to the preset's.

        Raises:
            UsageError: an unknown preset or device.
            WeightsError: no such weights, corrupt, or of another network.
        """
        net, about = load_network(PRESETS, SegNet, preset, weights)
        settings = replace(settings or SegSettings(), size=size or PRESETS[preset].size)
        return cls(net, finetune, settings, choose_device(device), about)

    def begin(self) -> SegState:
        """Nothing is known."""
        return SegState()

    def aggregate(self, masks: SoftMasks) -> SoftMasks:
        """The object of highest score; background up to 0.5."""
        return hard_max(masks)

    def predict(self, state: SegState, frame: Frame) -> tuple[SoftMasks, Tensor]:
        """Each object's score where there is foreground, 0 elsewhere; and the picture (3, h, w)."""
        size = scaled_size(frame.size, self.settings.size)
        picture = resize(frame.image.to(self.device), size)
        if not state.ids:
            return SoftMasks.none(frame.size), picture
        foreground = self.foreground(state, picture, frame.size)
        return SoftMasks(state.ids, self.objects(state, picture, frame.size) * foreground), picture

    def foreground(self, state: SegState, picture: Tensor, size: tuple[int, int]) -> Tensor:
        """(1, H, W) bool, of `size`: where `picture` (3, h, w) shows any object."""
        return self._logits(state.foreground, picture, size) > 0

    def objects(self, state: SegState, picture: Tensor, size: tuple[int, int]) -> Tensor:
        """(K, H, W) probabilities, of `size`, of `state.ids` in `picture` (3, h, w)."""
        rows = {}
        for tuned in state.tuned:
            logits = self._logits(tuned.weights, picture, size)
            zero = torch.zeros_like(logits[:1])
            shares = torch.cat([zero, logits]).softmax(0)[1:] if len(logits) > 1 else None
            rows |= zip(tuned.ids, logits.sigmoid() if shares is None else shares, strict=True)
        return torch.stack([rows[i] for i in state.ids])

    def _logits(self, weights: Parameters, picture: Tensor, size: tuple[int, int]) -> Tensor:
        """(outputs, H, W); there are as many outputs as `weights` has rows in its last layer."""
        image = picture[None].contiguous(memory_format=torch.channels_last)
        logits = functional_call(self.net, dict(weights), (image,))
        return F.interpolate(logits, size, mode="bilinear", align_corners=False)[0]

    def update(
        self, state: SegState, features: Tensor, masks: SoftMasks, annotation: Annotation | None
    ) -> SegState:
        """The state after a frame; given masks are learned from, which takes the budget's time.

        The foreground network learns anew from all annotated frames. So does the network of each
        object in the given map, from the new foreground network; the others stay. A map that shows
        none of the objects that are followed says nothing.
        """
        state = _followed(state, masks.ids)
        if annotation is None or not set(annotation.ids) & set(state.ids):
            return state
        known = (*state.known, *(i for i in masks.ids if i not in state.known))
        latest = lessons.annotate(features, annotation, masks.labels(), known)
        alive = [row for row, i in enumerate(known, start=1) if i in state.ids]
        annotated = lessons.remembered((*state.annotated, latest), alive, self.settings.annotations)
        state = replace(state, known=known, annotated=annotated)
        if self.settings.tune_foreground:
            learned = self._learn("foreground", self.net, lessons.of_foreground(annotated))
            state = replace(state, foreground=learned)
        together = self.settings.per == "video"
        groups = [state.ids] if together else [(i,) for i in state.ids if i in annotation.ids]
        new = [self._tuned(state, ids) for ids in groups]
        replaced = {i for tuned in new for i in tuned.ids}
        kept = [tuned for tuned in state.tuned if not replaced & set(tuned.ids)]
        return replace(state, tuned=(*kept, *new))

    def _tuned(self, state: SegState, ids: tuple[int, ...]) -> TunedNet:
        """A network that tells these objects from everything else."""
        rows = [state.known.index(i) + 1 for i in ids]
        parent = copy.deepcopy(self.net)
        parent.load_state_dict(dict(state.foreground), strict=False)
        what = f"object {ids[0]}"
        if len(ids) > 1:
            parent, what = with_outputs(parent, len(ids)), f"{len(ids)} objects"
        return TunedNet(ids, self._learn(what, parent, lessons.of_objects(state.annotated, rows)))

    def _learn(self, what: str, net: SegNet, taught: Sequence[lessons.Lesson]) -> Parameters:
        """The tuned parameters of `net`, on its device."""
        settings = self.settings

        def loss(learner: nn.Module, batch: SegBatch) -> Tensor:
            there = SegBatch(batch.images.to(self.device), batch.truth.to(self.device))
            return seg_loss(learner(there.pictures), there.truth, settings.jaccard)[0]

        made_of = ("seg_with_spn", net.config, settings.jaccard, settings.warp, tuple(taught))
        tensors = self.finetune.tensors(
            what,
            net,
            made_of,
            tuned=lambda name: not name.startswith(settings.fixed),
            loss=loss,
            draw=partial(lessons.draw, lessons=taught, warp=settings.warp),
            settings=settings.tune,
        )
        return {name: tensor.to(self.device) for name, tensor in tensors.items()}


def _followed(state: SegState, ids: tuple[int, ...]) -> SegState:
    """`state` of these objects; networks of none of them go."""
    tuned = tuple(t for t in state.tuned if set(t.ids) & set(ids))
    return replace(state, ids=ids, tuned=tuned)
