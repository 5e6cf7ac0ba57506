"""FEELVOS from one picture to the next: in the whole frame, or in an enlarged window of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from propago.methods.feelvos.appearance import appearance_examples, corrections
from propago.methods.feelvos.crops import Crops, crop_around, extent_of
from propago.methods.feelvos.finetune import with_head
from propago.methods.feelvos.leaps import carried_with_leaps
from propago.methods.feelvos.memory import Memory
from propago.methods.feelvos.net import PRESETS, VISIBLE, FeelvosNet, FrameFeatures
from propago.methods.feelvos.object_inputs import ObjectInputs
from propago.methods.feelvos.rectangle import Rectangle, rectangle_around
from propago.methods.feelvos.state import Followed, PreviousFrame
from propago.nn.inference import fast_dtype, fast_precision, require_working_size
from propago.ops.flow import dis_flow, grey
from propago.ops.keeping import first_and_latest
from propago.ops.parallel import team
from propago.ops.resize import resize
from propago.ranges import Ranged, ranged

ABSENT = -10.0
"""The logit of an object where no cue sees it."""


@dataclass(frozen=True)
class FeelvosSettings(Ranged):
    """How the network is run.

    Attributes:
        size: short side in pixels that frames are worked on at; results have the frame's size.
        anchors: how many annotated frames are remembered: the first, and the latest others.
        recent: how many other frames are remembered beside the previous one.
        interval_frames: frames between two of the recent ones.
        visible: an object is decoded around the positions of which flow, or where flow has lost it
            matching, gives it more than this share; it cannot appear far from where it was.
        margin: so many positions around.
        crop_margin: at least so many positions around all objects are encoded of a frame; 0 is all
            of the frame.
        looks: of so many small objects a frame there is a second look.
        appearance: what `corrections` says of an object's logits counts so many times; 0 is not.
    """

    size: int = PRESETS["compact"].size
    anchors: int = ranged(3, least=2)
    recent: int = ranged(1, least=0)
    interval_frames: int = ranged(5, least=1)
    visible: float = VISIBLE
    margin: int = 6
    crop_margin: int = ranged(8, least=0)
    looks: int = ranged(3, least=0)
    appearance: float = ranged(1.5, least=0)

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        require_working_size(self.size)
        super().__post_init__()


@dataclass(frozen=True)
class Encoded:
    """A picture (3, h, w) at the size it is worked on at, and what was computed of it."""

    picture: Tensor
    features: FrameFeatures

    @property
    def size(self) -> tuple[int, int]:
        """(h, w)."""
        return self.picture.shape[-2], self.picture.shape[-1]


@dataclass(frozen=True)
class Follower:
    """A network, ready to run, and how it is run."""

    net: FeelvosNet
    settings: FeelvosSettings

    def encode(
        self, image: Tensor, size: tuple[int, int], crop: Rectangle | None = None
    ) -> Encoded:
        """What is computed of `image` (3, H, W) alone at `size` (h, w), of its part `crop`."""
        picture, stride = resize(image, size), self.net.config.match_stride
        shown = crop.of(picture, stride) if crop else picture
        batch = shown[None].contiguous(memory_format=torch.channels_last)
        with fast_precision(picture.device):
            features = self.net.encode_image(batch)
            features = features.matched_in(fast_dtype(picture.device))
        if crop:
            features = features.as_crop(crop, (size[0] // stride, size[1] // stride))
        return Encoded(picture, features)

    def crops(self, before: Crops, masks: Tensor) -> Crops:
        """What is encoded of the next frames, where the objects are now at `masks` (K, h, w)."""
        settings, stride = self.settings, self.net.config.match_stride
        objects = extent_of(masks, stride)
        if objects is None or not settings.crop_margin:
            return Crops()
        size = (masks.shape[-2] // stride, masks.shape[-1] // stride)
        needed = objects.wider(size, settings.margin)
        return before.moved_on(needed, crop_around(objects, settings.crop_margin, size))

    def follow(
        self,
        known: Followed,
        now: Encoded,
        head: Mapping[str, Tensor] | None = None,
        only: int | None = None,
    ) -> Tensor:
        """Logits from matching against what is remembered, decoded per object.

        Args:
            known: with a previous frame of the same size as `now`.
            now: the present frame.
            head: parameters of a fine-tuned head.
            only: so many of the objects are decoded; all if None.

        Returns:
            (K, h, w), `ABSENT` where no cue sees an object.
        """
        previous, picture = known.previous, now.picture
        assert previous is not None
        flow = torch.from_numpy(dis_flow(grey(picture), grey(previous.picture)))
        moved = carried_with_leaps(
            previous.picture, picture, previous.masks, flow.to(picture.device)
        )
        carried, others, error = moved
        wanted = self._wanted(self.net.carried_shares(carried))
        if now.features.crop:
            wanted = now.features.crop.only(wanted)
        if only is not None:
            wanted[only:] = False
        memory = (*known.anchors, *known.recent, previous.memory)
        cues = self.net.cues(now.features.embedding[0], memory, wanted)
        with fast_precision(picture.device):
            inputs = ObjectInputs(cues, carried, others)
            return self._decoded(head, known, now.features, inputs, error[None], only)

    def remember(
        self,
        known: Followed,
        now: Encoded,
        ids: tuple[int, ...],
        masks: Tensor,
        *,
        for_good: bool,
    ) -> Followed:
        """What is known with one frame more, whose masks (K, h, w) are those of `ids`.

        `for_good`: a person annotated it.
        """
        features = now.features
        with fast_precision(now.picture.device):
            memory = self.net.encode_memory(
                features.embedding[0], features.context[0], masks, features.crop
            )
        known = self._with_objects(known, ids)
        anchors, recent, appearance = known.anchors, known.recent, known.appearance
        if for_good:
            anchors = first_and_latest(anchors, memory, self.settings.anchors)
            if self.settings.appearance:
                latest = appearance_examples(features, masks)
                appearance = appearance + latest if appearance else latest
        elif known.frames % self.settings.interval_frames == 0 and self.settings.recent:
            recent = (*recent, memory)[-self.settings.recent :]
        previous = PreviousFrame(memory, now.picture, masks)
        return Followed(ids, anchors, recent, previous, known.frames + 1, appearance)

    def _decoded(
        self,
        head: Mapping[str, Tensor] | None,
        known: Followed,
        now: FrameFeatures,
        inputs: ObjectInputs,
        error: Tensor,
        only: int | None,
    ) -> Tensor:
        """(K, h, w) logits; each object is decoded only where some cue sees it."""
        net = with_head(self.net, head)
        shares, stride = net.shares(inputs), net.config.match_stride
        logits = error.new_full((len(shares), *error.shape[-2:]), ABSENT)
        owner = torch.zeros(1, dtype=torch.int64, device=error.device)

        def decode(row: int) -> None:
            region = self._region(shares[row])
            if region is not None and now.crop is not None:
                region = region.common(now.crop)
            if region is not None:
                prepared = net.prepare_inside(now, region)
                own = inputs.inside(row, region, stride)
                found = net.logits(prepared, owner, own, region.of(error, stride))[0]
                if known.appearance:
                    shown = corrections(
                        now.inside(region), known.appearance, row, found, own.others[0, 0]
                    )
                    found = found + self.settings.appearance * shown
                region.of(logits[row], stride).copy_(found)

        team().map(decode, range(len(shares))[:only])
        return logits

    def _region(self, share: Tensor) -> Rectangle | None:
        """Where an object is decoded that has `share` (h, w) of each position."""
        return rectangle_around(share, self.settings.visible, self.settings.margin)

    def _wanted(self, carried: Tensor) -> Tensor:
        """(K, h, w) where objects are decoded that flow has carried to `carried` (K, h, w).

        That is everywhere where flow has lost an object.
        """
        wanted = torch.zeros_like(carried, dtype=torch.bool)
        for there, share in zip(wanted, carried, strict=True):
            region = self._region(share) if share.max() > VISIBLE else None
            (there if region is None else region.of(there)).fill_(True)
        return wanted

    def _with_objects(self, known: Followed, ids: tuple[int, ...]) -> Followed:
        """`known` whose memories have one row for each of `ids`; new ones are empty."""
        if known.ids == ids:
            return known

        def fit(memories: Sequence[Memory]) -> tuple[Memory, ...]:
            return tuple(self.net.reordered(past, known.ids, ids) for past in memories)

        appearance = known.appearance and known.appearance.reordered(known.ids, ids)
        return replace(
            known, anchors=fit(known.anchors), recent=fit(known.recent), appearance=appearance
        )
