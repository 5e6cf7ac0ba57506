"""Seg-with-SPN on a video: networks fine-tuned on annotated frames, then run frame by frame.

Source: Cheng et al., "Learning to Segment Instances in Videos with Spatial Propagation Network",
DAVIS challenge 2017. The paper's refinement (SPN) and filter (CRAF) are not in here: the table of
methods names them, and they run after any method.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from propago.clock import Clock
from propago.finetune.annotated import AnnotatedFrame, annotated_frame
from propago.finetune.budget import Budget
from propago.finetune.fine_tuning import FineTuning
from propago.methods.seg_with_spn.finetune import (
    Example,
    fine_tuned,
    foreground_examples,
    object_examples,
    remembered,
)
from propago.methods.seg_with_spn.net import PRESETS, SegNet, with_outputs
from propago.methods.seg_with_spn.settings import SegSettings
from propago.nn.inference import choose_device, laid_out, ready
from propago.nn.presets import load_network
from propago.ops.aggregate import hard_max
from propago.ops.resize import resize, scaled_size
from propago.types import Annotation, Annotations, Frame, SoftMasks

BUDGET = Budget(seconds=60)
"""Of each fine-tuning, where nothing else is asked for."""

Parameters = Mapping[str, Tensor]


@dataclass(frozen=True)
class ObjectNet:
    """A network fine-tuned on objects: its weights, output for output.

    Attributes:
        ids: the object of each output.
        weights: the fine-tuned parameters by name, all others are the parent's.
    """

    ids: tuple[int, ...]
    weights: Parameters


@dataclass(frozen=True)
class SegState:
    """What is known of a video.

    Attributes:
        ids: the objects that are followed.
        annotated: the annotated frames, at the working size.
        foreground: fine-tuned parameters of the foreground network.
        objects: the networks of the objects.
    """

    ids: tuple[int, ...] = ()
    annotated: tuple[AnnotatedFrame, ...] = ()
    foreground: Parameters = field(default_factory=dict)
    objects: tuple[ObjectNet, ...] = ()


class SegWithSpn:
    """Foreground network and object networks as a `Propagator`."""

    look_ahead_frames = 0
    trial_frames = 0

    def __init__(
        self,
        net: SegNet,
        finetune: FineTuning | None = None,
        settings: SegSettings | None = None,
        device: torch.device | None = None,
        description: dict[str, str] | None = None,
        clock: Clock | None = None,
    ):
        """Run `net`, a foreground network of one output; each fine-tuning works on a copy.

        `clock` counts the seconds of "foreground" by frame and of "objects" by object.
        """
        self.device = device or torch.device("cpu")
        self.net = ready(net, self.device)
        self.settings = settings or SegSettings()
        self.finetune = finetune or FineTuning(BUDGET)
        self.clock = clock or Clock(active=False)
        self.description = {
            "method": "seg_with_spn",
            **(description or {}),
            "per": self.settings.per,
            "finetune_foreground": str(self.settings.finetune_foreground),
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
        clock: Clock | None = None,
    ) -> "SegWithSpn":
        """The method with a trained foreground network.

        Args:
            preset: "compact" or "paper".
            weights: "default", or a safetensors file that `propago train` wrote. The paper preset
                has no default.
            device: "auto", "cpu", "cuda" or "mps".
            size: working size, short side in pixels; the preset's own if None.
            finetune: budget and cache of the fine-tunings; 60 s each, nothing kept, if None.
            settings: everything else; its size gives way to the preset's.
            clock: counts seconds.

        Raises:
            UsageError: an unknown preset or device.
            WeightsError: no such weights, corrupt, or of another network.
        """
        net, about = load_network(PRESETS, SegNet, preset, weights)
        settings = replace(settings or SegSettings(), size=size or PRESETS[preset].size)
        return cls(net, finetune, settings, choose_device(device), about, clock)

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
        with self.clock.of("foreground"):
            foreground = self.foreground(state, picture, frame.size)
        with self.clock.of("objects", len(state.ids)):
            objects = self.objects(state, picture, frame.size)
        return SoftMasks(state.ids, objects * foreground), picture

    def foreground(self, state: SegState, picture: Tensor, size: tuple[int, int]) -> Tensor:
        """(1, H, W) bool, of `size`: where `picture` (3, h, w) shows any object."""
        return self._logits(state.foreground, picture, size) > 0

    def objects(self, state: SegState, picture: Tensor, size: tuple[int, int]) -> Tensor:
        """(K, H, W) probabilities, of `size`, of `state.ids` in `picture` (3, h, w)."""
        rows = {}
        for net in state.objects:
            logits = self._logits(net.weights, picture, size)
            zero = torch.zeros_like(logits[:1])
            shares = torch.cat([zero, logits]).softmax(0)[1:] if len(logits) > 1 else None
            rows |= zip(net.ids, logits.sigmoid() if shares is None else shares, strict=True)
        return torch.stack([rows[i] for i in state.ids])

    def _logits(self, weights: Parameters, picture: Tensor, size: tuple[int, int]) -> Tensor:
        """(outputs, H, W); there are as many outputs as `weights` has rows in its last layer."""
        image = laid_out(picture[None])
        logits = functional_call(self.net, dict(weights), (image,))
        return F.interpolate(logits, size, mode="bilinear", align_corners=False)[0]

    def update(
        self, state: SegState, features: Tensor, masks: SoftMasks, annotation: Annotation | None
    ) -> SegState:
        """The state after a frame; an annotated one takes the time of the fine-tunings.

        The foreground network is fine-tuned anew on all annotated frames. So is the network of each
        object in the annotation, from the new foreground network; the others stay. An annotation
        that shows none of the objects that are followed says nothing.
        """
        state = _followed(state, masks.ids)
        if annotation is None or not set(annotation.ids) & set(state.ids):
            return state
        latest = annotated_frame(features, annotation, masks.labels())
        frames = remembered((*state.annotated, latest), state.ids, self.settings.annotations)
        state = replace(state, annotated=frames)
        if self.settings.finetune_foreground:
            examples = foreground_examples(frames)
            state = replace(state, foreground=self._fine_tuned("foreground", self.net, examples))
        together = self.settings.per == "video"
        groups = [state.ids] if together else [(i,) for i in state.ids if i in annotation.ids]
        new = [self._object_net(state, ids) for ids in groups]
        replaced = {i for net in new for i in net.ids}
        kept = [net for net in state.objects if not replaced & set(net.ids)]
        return replace(state, objects=(*kept, *new))

    def fine_tuning_count(self, annotations: Annotations) -> int:
        """In each annotated frame one of the foreground, and one of each object or of all."""
        shown = [
            len(a.ids) if self.settings.per == "object" else 1
            for a in annotations.values()
            if a.ids
        ]
        return sum(shown) + len(shown) * self.settings.finetune_foreground

    def _object_net(self, state: SegState, ids: tuple[int, ...]) -> ObjectNet:
        """A network that tells these objects from everything else."""
        parent, what = copy.deepcopy(self.net), f"object {ids[0]}"
        parent.load_state_dict(dict(state.foreground), strict=False)
        if len(ids) > 1:
            parent, what = with_outputs(parent, len(ids)), f"{len(ids)} objects"
        examples = object_examples(state.annotated, ids)
        return ObjectNet(ids, self._fine_tuned(what, parent, examples))

    def _fine_tuned(self, what: str, net: SegNet, examples: Sequence[Example]) -> Parameters:
        return fine_tuned(what, net, examples, self.finetune, self.settings)


def _followed(state: SegState, ids: tuple[int, ...]) -> SegState:
    """`state` of these objects; networks of none of them go."""
    objects = tuple(net for net in state.objects if set(net.ids) & set(ids))
    return replace(state, ids=ids, objects=objects)
