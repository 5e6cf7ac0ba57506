"""FEELVOS on a video: what is remembered from frame to frame, and for how long."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from propago.errors import PropagoWarning, UsageError
from propago.finetune.annotated import annotated_frame
from propago.finetune.fine_tuning import FineTuning
from propago.methods.feelvos.crops import Crops
from propago.methods.feelvos.cycle import CYCLE_FRAMES, cycle_consistency
from propago.methods.feelvos.finetune import fine_tuned_head
from propago.methods.feelvos.follow import Encoded, FeelvosSettings, Follower
from propago.methods.feelvos.net import PRESETS, FeelvosNet, network_of
from propago.methods.feelvos.original import OriginalNet
from propago.methods.feelvos.original_run import OriginalFeelvos, OriginalSettings
from propago.methods.feelvos.rectangle import Rectangle
from propago.methods.feelvos.second_look import SecondLooks
from propago.methods.feelvos.state import FeelvosState, Followed
from propago.methods.feelvos.wholes import as_wholes, followed_courses
from propago.nn.inference import choose_device, ready
from propago.nn.presets import load_network
from propago.ops.aggregate import joint_softmax
from propago.ops.keeping import first_and_latest
from propago.ops.parallel import one_core, team
from propago.ops.resize import bilinear, resize
from propago.ops.wholes import Courses
from propago.types import Annotation, Annotations, Frame, SoftMasks


@dataclass(frozen=True)
class FeelvosFeatures:
    """What was computed of a frame.

    Attributes:
        frame: the frame.
        image: (3, H, W) its picture, on the device of the network.
        whole: the same at the working size.
        looks: by object, its window of the frame, enlarged.
    """

    frame: Frame
    image: Tensor
    whole: Encoded
    looks: Mapping[int, Encoded] = field(default_factory=dict)


class Feelvos:
    """FEELVOS as a `Propagator`."""

    look_ahead_frames = 0
    trial_frames = CYCLE_FRAMES

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
        self.follower = Follower(self.net, self.settings)
        self.second_looks = SecondLooks(self.follower)
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
        looks: int = FeelvosSettings.looks,
        anchors: int = FeelvosSettings.anchors,
        recent: int = FeelvosSettings.recent,
    ) -> "Feelvos | OriginalFeelvos":
        """FEELVOS with trained weights.

        Args:
            preset: "compact", or "paper", of which there are no weights in the package.
            weights: "default", "synthetic", or a safetensors file.
            device: "auto", "cpu", "cuda" or "mps".
            size: working size, short side in pixels.
            finetune: how the head is fine-tuned on annotated frames; it is not if None.
            looks: of so many small objects a frame there is a second look, enlarged; of "paper"
                none.
            anchors: so many annotated frames are remembered, see `FeelvosSettings`.
            recent: so many others, beside the previous one; "paper" remembers none.

        Raises:
            UsageError: an unknown preset or device, or a preset that is not fine-tuned.
            WeightsError: no such weights, corrupt, or of another network.
        """
        net, about = load_network(PRESETS, network_of, preset, weights)
        if isinstance(net, OriginalNet):
            if finetune:
                raise UsageError(f"`finetune`: preset {preset} is not fine-tuned; compact is")
            original = OriginalSettings(size or PRESETS[preset].size, anchors)
            return OriginalFeelvos(net, original, choose_device(device), about)
        settings = FeelvosSettings(
            size=size or PRESETS[preset].size, anchors=anchors, recent=recent, looks=looks
        )
        return cls(net, settings, choose_device(device), about, finetune)

    def begin(self) -> FeelvosState:
        """Nothing is known."""
        return FeelvosState()

    def aggregate(self, masks: SoftMasks) -> SoftMasks:
        """Softmax over background and objects (section 3.5)."""
        return joint_softmax(masks)

    def encode(self, frame: Frame, earlier: FeelvosState) -> FeelvosFeatures:
        """What `predict` is likely to need of a frame, by the state two frames before it."""
        return self._encoded(frame, earlier.crops.after)

    @torch.no_grad()
    def _encoded(self, frame: Frame, crop: Rectangle | None) -> FeelvosFeatures:
        image = frame.image.to(self.device)
        size = working_size(frame.size, self.settings.size)
        return FeelvosFeatures(frame, image, self.follower.encode(image, size, crop))

    @one_core()
    def predict(self, state: FeelvosState, frame: Frame) -> tuple[SoftMasks, FeelvosFeatures]:
        """Masks from matching against what is remembered, decoded per object."""
        features, crop = frame.encoded, state.crops.next
        if features is None or features.whole.features.crop != crop:
            features = self._encoded(frame, crop)
        if state.whole.previous is None:
            return SoftMasks.none(frame.size), features
        small = self.follower.follow(state.whole, features.whole, state.head)
        small = as_wholes(small, state.whole.ids, state.courses)
        logits = torch.cat(team().map(lambda row: bilinear(row[None, None], frame.size)[0], small))
        looks = self.second_looks.encode(state.looks, features.image)
        self.second_looks.improve(logits, state, looks)
        with_background = torch.cat([torch.zeros_like(logits[:1]), logits])
        masks = SoftMasks(state.whole.ids, logits.sigmoid(), with_background)
        return masks, replace(features, looks=looks)

    def update(
        self,
        state: FeelvosState,
        features: FeelvosFeatures,
        masks: SoftMasks,
        annotation: Annotation | None,
    ) -> FeelvosState:
        """Remember this frame: for good if a person annotated it, else for a while."""
        if not masks.ids:
            return replace(state, whole=Followed(), looks={}, courses=Courses(), crops=Crops())
        with one_core():
            after = self._remembered(state, features, masks, annotation)
        if self.finetune is None or annotation is None or not annotation.ids:
            return after
        latest = annotated_frame(features.whole.picture, annotation, masks.labels())
        shown = first_and_latest(state.annotated, latest, self.settings.anchors)
        head = fine_tuned_head(self.net, shown, self.finetune)
        with self.finetune.clock.of("trial"):
            helps = head is not None and self._helps(head, features.frame, annotation)
        return replace(after, annotated=shown, head=head if helps else None)

    def _helps(self, head: Mapping[str, Tensor], annotated: Frame, annotation: Annotation) -> bool:
        """Whether a fine-tuned head keeps objects as well as the network's own; warns if not."""
        if not annotated.ahead:
            return True
        frames = [replace(annotated, encoded=None), *annotated.ahead]
        told = self._trial_progress(frames=4 * len(frames))
        own, tuned = (
            cycle_consistency(partial(self._carried, head=head, told=told), frames, annotation)
            for head in (None, head)
        )
        if tuned < own:
            warnings.warn(
                f"frame {annotated.name}: fine-tuning is not used, because it follows worse: "
                f"carried {len(annotated.ahead)} frames on and back, objects overlap with their "
                f"masks by {tuned:.2f}, without it by {own:.2f}",
                PropagoWarning,
                stacklevel=2,
            )
        return tuned >= own

    def _trial_progress(self, frames: int) -> Callable[[], None]:
        """What is called after each of so many frames: `FineTuning.progress` hears of it."""
        done = count(1)

        def told() -> None:
            if self.finetune and self.finetune.progress:
                at = next(done)
                self.finetune.progress("head, tried on later frames", at, at / frames, math.nan)

        return told

    def _carried(
        self,
        frames: Sequence[Frame],
        annotation: Annotation,
        head: Mapping[str, Tensor] | None,
        told: Callable[[], None],
    ) -> np.ndarray:
        """(H, W) labels of the last of `frames`, from an annotation of the first.

        `told` is called after each.
        """
        state, given, masks = FeelvosState(head=head), annotation, None
        for frame in frames:
            masks, features = self.predict(state, frame)
            masks = self.aggregate(masks.overridden_by(given))
            with one_core():
                state = self._remembered(state, features, masks, given)
            given = None
            told()
        assert masks is not None
        return masks.labels()

    def _remembered(
        self,
        state: FeelvosState,
        features: FeelvosFeatures,
        masks: SoftMasks,
        annotation: Annotation | None,
    ) -> FeelvosState:
        """`state` with one frame more."""
        annotated = annotation.ids if annotation else ()
        if annotated and features.whole.features.crop:
            all_of_it = self.follower.encode(features.image, features.whole.size)
            features = replace(features, whole=all_of_it)
        probabilities, size = masks.probabilities.to(self.device), features.whole.size
        small = torch.cat(team().map(lambda row: resize(row[None], size), probabilities))
        whole = self.follower.remember(
            state.whole, features.whole, masks.ids, small, for_good=bool(annotated)
        )
        looks = self.second_looks.remember(
            state.looks, features.image, features.looks, masks, annotated
        )
        crops = self.follower.crops(state.crops, small)
        courses = followed_courses(state.courses, small, masks.ids)
        return replace(state, whole=whole, looks=looks, courses=courses, crops=crops)

    def fine_tuning_count(self, annotations: Annotations) -> int:
        """One for each annotated frame: its head, anew."""
        return sum(bool(annotation.ids) for annotation in annotations.values())


def working_size(size: tuple[int, int], short_px: int) -> tuple[int, int]:
    """(h, w) near `size` scaled so that the short side is at most `short_px`; multiples of 16."""
    scale = min(1.0, short_px / min(size))
    height, width = (max(32, round(side * scale / 16) * 16) for side in size)
    return height, width
