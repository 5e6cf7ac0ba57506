"""RGSN on a video: each object is tracked by a scorer of its own, and cut out of its crop."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from propago.detections import Detections
from propago.finetune.annotated import AnnotatedFrame, annotated_frame
from propago.finetune.fine_tuning import FineTuning
from propago.finetune.objects import KEPT
from propago.methods.rgsn.candidates import candidates_of
from propago.methods.rgsn.crops import crop_around, cropped, heat_map, mask_box, put_back
from propago.methods.rgsn.finetune import fine_tuned_decoder, with_decoder
from propago.methods.rgsn.net import PRESETS, RgsnNet
from propago.methods.rgsn.otn import (
    LOST_FRAMES,
    MIN_SCORE_ANYWHERE,
    OtnSettings,
    locate,
    locate_anywhere,
)
from propago.methods.rgsn.target import Sight, Target, after_frame, annotated
from propago.nn.inference import (
    choose_device,
    fast_precision,
    laid_out,
    ready,
    require_working_size,
)
from propago.nn.presets import load_network
from propago.ops.aggregate import constant_background
from propago.ops.keeping import first_and_latest
from propago.ops.resize import resize, scaled_size
from propago.types import Annotation, Annotations, Frame, SoftMasks

Proposer = Callable[[Frame], Detections]
"""A detector: its boxes are candidates."""


@dataclass(frozen=True)
class RgsnSettings:
    """How the network is run.

    Attributes:
        size: short side in pixels of frames in which candidates are looked at; crops are taken of
            the frame itself.
        tracking: how each object's scorer learns.
    """

    size: int = PRESETS["compact"].size
    tracking: OtnSettings = field(default_factory=OtnSettings)

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        require_working_size(self.size)


@dataclass(frozen=True)
class RgsnState:
    """What is known of a video so far.

    Attributes:
        ids: the objects.
        targets: what is known of each.
        masks: (K, H, W) bool, the objects in the previous frame.
        shown: the first and the latest annotated frames, kept for fine-tuning alone.
    """

    ids: tuple[int, ...] = ()
    targets: Mapping[int, Target] = field(default_factory=dict)
    masks: Tensor | None = None
    shown: tuple[AnnotatedFrame, ...] = ()


class Rgsn:
    """Proposals, the object tracking network and reference-guided segmentation, a `Propagator`."""

    look_ahead_frames = 0
    trial_frames = 0

    def __init__(
        self,
        net: RgsnNet,
        settings: RgsnSettings | None = None,
        device: torch.device | None = None,
        description: dict[str, str] | None = None,
        proposer: Proposer | None = None,
        finetune: FineTuning | None = None,
    ):
        """Run `net` on `device`; the boxes of `proposer` are candidates beside those drawn.

        With `finetune` its decoder is fine-tuned on each object.
        """
        self.device = device or torch.device("cpu")
        self.net = ready(net, self.device)
        self.settings = settings or RgsnSettings()
        self.proposer = proposer
        self.description = {"method": "rgsn", **(description or {})}
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
        proposer: Proposer | None = None,
        finetune: FineTuning | None = None,
    ) -> "Rgsn":
        """The method with a trained network.

        Args:
            preset: "compact" or "paper".
            weights: "default", or a safetensors file that `propago train` wrote.
            device: "auto", "cpu", "cuda" or "mps".
            size: short side in pixels of frames in which candidates are looked at.
            proposer: a detector, whose boxes are candidates; without, they are drawn alone.
            finetune: how the decoder is fine-tuned on each annotated object; it is not if None.

        Raises:
            UsageError: an unknown preset or device, or a size out of range.
            WeightsError: no such weights, corrupt, or of another network.
        """
        net, about = load_network(PRESETS, RgsnNet, preset, weights)
        settings = RgsnSettings(size or PRESETS[preset].size)
        return cls(net, settings, choose_device(device), about, proposer, finetune)

    def begin(self) -> RgsnState:
        """Nothing is known."""
        return RgsnState()

    def aggregate(self, masks: SoftMasks) -> SoftMasks:
        """Objects and a background of constant .5 share each pixel."""
        return constant_background(masks)

    def predict(self, state: RgsnState, frame: Frame) -> tuple[SoftMasks, Sight]:
        """Each object's probabilities, and what was seen of the frame."""
        picture = frame.image.to(self.device)
        small = resize(picture, scaled_size(frame.size, self.settings.size))
        with fast_precision(self.device):
            levels = self.net.frame_features(small)
        features = {stride: level.float() for stride, level in levels.items()}
        sight = Sight(picture, features, small.shape[-1] / frame.size[1])
        if state.masks is None or not state.ids:
            return SoftMasks.none(frame.size), sight
        proposals = self._proposals(frame)
        boxes, confidences, rows = {}, {}, []
        for object_id, mask in zip(state.ids, state.masks, strict=True):
            target = state.targets[object_id]
            box, score = self._tracked(object_id, target, sight, proposals)
            boxes[object_id], confidences[object_id] = (box if score > 0 else target.box), score
            rows.append(self._segmented(target, sight, boxes[object_id], mask))
        logits = torch.stack(rows)
        return SoftMasks(state.ids, logits.sigmoid()), replace(
            sight, boxes=boxes, confidences=confidences
        )

    def update(
        self, state: RgsnState, features: Sight, masks: SoftMasks, annotation: Annotation | None
    ) -> RgsnState:
        """An annotated object is learnt anew; of the others the mask found is remembered."""
        ids = annotation.ids if annotation else ()
        labels, targets, rows = masks.labels(), {}, []
        shown = self._shown(state, features, labels, annotation)
        for object_id in masks.ids:
            mask = torch.from_numpy(labels == object_id).to(self.device)
            target, box = state.targets.get(object_id), mask_box(mask)
            if box is not None and (object_id in ids or target is None):
                encoded = self._encoded(features, mask, box)
                learnt = annotated(object_id, box, encoded, features, self.settings.tracking)
                targets[object_id] = replace(learnt, decoder=self._decoder(object_id, shown))
            elif target is not None:
                at = features.boxes.get(object_id, target.box)
                encoded = self._encoded(features, mask, at)
                targets[object_id] = after_frame(
                    object_id, target, (at, box), encoded, features, self.settings.tracking
                )
            rows += [mask] if object_id in targets else []
        kept = tuple(i for i in masks.ids if i in targets)
        return RgsnState(kept, targets, torch.stack(rows) if rows else None, shown)

    def fine_tuning_count(self, annotations: Annotations) -> int:
        """One for each object of each annotated frame: its decoder, anew."""
        return sum(len(annotation.ids) for annotation in annotations.values())

    def _shown(
        self, state: RgsnState, sight: Sight, labels: np.ndarray, annotation: Annotation | None
    ) -> tuple[AnnotatedFrame, ...]:
        """The annotated frames that are fine-tuned on, with this one if it is."""
        if self.finetune is None or annotation is None or not annotation.ids:
            return state.shown
        latest = annotated_frame(sight.picture, annotation, labels)
        return first_and_latest(state.shown, latest, KEPT)

    def _decoder(self, object_id: int, shown: Sequence[AnnotatedFrame]) -> dict[str, Tensor] | None:
        if self.finetune is None:
            return None
        return fine_tuned_decoder(self.net, object_id, shown, self.finetune)

    def _proposals(self, frame: Frame) -> Tensor:
        """(P, 4) boxes of the detector, in pixels of the frame."""
        if self.proposer is None:
            return torch.zeros(0, 4, device=self.device)
        return torch.from_numpy(self.proposer(frame).boxes_xyxy).float().to(self.device)

    def _tracked(
        self, object_id: int, target: Target, sight: Sight, proposals: Tensor
    ) -> tuple[Tensor, float]:
        """The box (4,) that looks most like the object, and how much it does."""
        generator = target.generator(object_id, "candidates")
        settings = self.settings.tracking
        lost, size = target.lost_frames, sight.size
        near = candidates_of(target.box, proposals, lost > 0, size, settings.candidates, generator)
        box, score = locate(target.head, sight.of, near)
        if score > 0 or lost < LOST_FRAMES:
            return box, score
        anywhere = locate_anywhere(target.head, sight.of, proposals, target.sides, size, generator)
        return anywhere if anywhere[1] > MIN_SCORE_ANYWHERE else (box, score)

    def _segmented(self, target: Target, sight: Sight, box: Tensor, before: Tensor) -> Tensor:
        """(H, W) logits of an object that is looked for around a box (4,)."""
        rect, side = crop_around(box, sight.size), self.net.config.side
        heat = heat_map(cropped(before.float()[None], rect, side)[0])
        image = laid_out(cropped(sight.picture, rect, side)[None])
        net = with_decoder(self.net, target.decoder)
        with fast_precision(self.device):
            logits = net(target.references()[None], image, heat[None])
        return put_back(logits[0].float(), rect, sight.size)

    def _encoded(self, sight: Sight, mask: Tensor, box: Tensor) -> Tensor:
        """(C, h, w): a frame as a reference, of an object with a mask (H, W) around a box (4,)."""
        rect, side = crop_around(box, sight.size), self.net.config.side
        known = cropped(mask.float()[None], rect, side)
        image = laid_out(cropped(sight.picture, rect, side)[None])
        with fast_precision(self.device):
            return self.net.reference(image, known)[0].float()
