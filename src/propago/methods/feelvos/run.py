"""FEELVOS on a video: what is remembered from frame to frame, and for how long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from propago.adaptation.adaptation import Adaptation
from propago.adaptation.annotated import Annotated
from propago.errors import UsageError
from propago.methods.feelvos.adapt import as_annotated, tuned_head, with_head
from propago.methods.feelvos.memory import Memory
from propago.methods.feelvos.net import VISIBLE, FeelvosNet, Seen
from propago.methods.feelvos.rows import Prepared, Rows, carry, region_of, surprise
from propago.nn.inference import choose_device, ready
from propago.nn.weights import fill, load_weights
from propago.ops.aggregate import joint_softmax
from propago.ops.flow import dis_flow, grey
from propago.ops.resize import resize
from propago.types import Frame, GivenMasks, Scores

NETWORK = "feelvos/compact"
WEIGHTS = {"default": "feelvos-compact", "synthetic": "feelvos-synthetic"}
"""Short names of shipped weights: the best ones, and those free for any use."""

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

    size: int = 304
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
class FeelvosState:
    """What is known of a video so far, at the working size (h, w).

    Attributes:
        ids: the objects, in the order of every K axis.
        anchors: memories of annotated frames.
        recent: memories of other frames, oldest first.
        previous: memory of the previous frame; None before the first mask.
        picture: (3, h, w) the previous frame.
        masks: (K, h, w) probabilities in the previous frame.
        frames: how many frames were seen since the first mask.
        annotated: the first and the latest annotated frames, kept for adaptation alone.
        head: parameters of the head that was tuned on them, by name; None without adaptation.
    """

    ids: tuple[int, ...] = ()
    anchors: tuple[Memory, ...] = ()
    recent: tuple[Memory, ...] = ()
    previous: Memory | None = None
    picture: Tensor | None = None
    masks: Tensor | None = None
    frames: int = 0
    annotated: tuple[Annotated, ...] = ()
    head: Mapping[str, Tensor] | None = None


@dataclass(frozen=True)
class FeelvosSeen:
    """What was computed of the present frame: the frame at the working size, and its features."""

    picture: Tensor
    features: Seen

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
        adaptation: Adaptation | None = None,
    ):
        """Run `net`; its batch norms are folded in place. With `adaptation` its head is tuned."""
        self.device = device or torch.device("cpu")
        self.net = ready(net, self.device)
        self.settings = settings or FeelvosSettings()
        self.description = {"method": "feelvos", **(description or {})}
        self.adaptation = adaptation
        if adaptation:
            self.description["finetune"] = str(adaptation.budget)

    @classmethod
    def load(
        cls,
        preset: str = "compact",
        weights: str | Path = "default",
        device: str = "auto",
        size: int | None = None,
        adaptation: Adaptation | None = None,
    ) -> "Feelvos":
        """FEELVOS with trained weights.

        Args:
            preset: "compact".
            weights: "default", "synthetic", or a safetensors file.
            device: "auto", "cpu", "cuda" or "mps".
            size: working size, short side in pixels.
            adaptation: how the head is tuned on annotated frames; it is not if None.

        Raises:
            UsageError: an unknown preset or device.
            WeightsError: no such weights, corrupt, or of another network.
        """
        if preset != "compact":
            raise UsageError(f"preset {preset}: feelvos has the preset compact")
        loaded = load_weights(WEIGHTS.get(str(weights), weights), NETWORK)
        net = FeelvosNet()
        fill(net, loaded)
        about = {
            "preset": preset,
            "weights": loaded.name,
            "weights_sha256": loaded.sha256,
            "weights_licence": loaded.about.get("licence", "not stated"),
        }
        settings = FeelvosSettings() if size is None else FeelvosSettings(size=size)
        return cls(net, settings, choose_device(device), about, adaptation)

    def begin(self) -> FeelvosState:
        """Nothing is known."""
        return FeelvosState()

    def aggregate(self, scores: Scores) -> Scores:
        """Softmax over background and objects (section 3.5)."""
        return joint_softmax(scores)

    def predict(self, state: FeelvosState, frame: Frame) -> tuple[Scores, FeelvosSeen]:
        """Scores from matching against what is remembered, decoded per object."""
        size = working_size(frame.size, self.settings.size)
        picture = resize(frame.image.to(self.device), size)
        features = self.net.see(picture[None].contiguous(memory_format=torch.channels_last))
        seen = FeelvosSeen(picture, features)
        if not state.ids:
            return Scores.none(frame.size), seen
        logits = F.interpolate(
            self._logits(state, seen)[None], frame.size, mode="bilinear", align_corners=False
        )[0]
        scores = Scores(
            state.ids, logits.sigmoid(), torch.cat([torch.zeros_like(logits[:1]), logits])
        )
        return scores, seen

    def _logits(self, state: FeelvosState, seen: FeelvosSeen) -> Tensor:
        assert state.previous is not None
        assert state.picture is not None
        assert state.masks is not None
        flow = torch.from_numpy(dis_flow(grey(seen.picture), grey(state.picture))).to(self.device)
        unexpected = surprise(state.picture[None], seen.picture[None], flow[None])
        memory = (*state.anchors, *state.recent, state.previous)
        cues = self.net.cues(seen.features.embedding[0], memory)
        rows = Rows(cues, *carry(state.masks, flow))
        net = with_head(self.net, state.head)
        return self._decode(net, net.prepare(seen.features), rows, unexpected)

    def _decode(
        self, net: FeelvosNet, prepared: Prepared, rows: Rows, unexpected: Tensor
    ) -> Tensor:
        """(K, h, w) logits; each object is decoded only where some cue sees it."""
        stride = net.config.match_stride
        logits = rows.carried.new_full((len(rows.carried), *rows.carried.shape[-2:]), ABSENT)
        owner = torch.zeros(1, dtype=torch.int64, device=self.device)
        for row, share in enumerate(net.shares(rows)):
            region = region_of(share, self.settings.visible, self.settings.margin)
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

    def update(
        self, state: FeelvosState, seen: FeelvosSeen, scores: Scores, given: GivenMasks | None
    ) -> FeelvosState:
        """Remember this frame: for good if a person annotated it, else for a while."""
        if not scores.ids:
            return replace(state, ids=(), anchors=(), recent=(), previous=None, frames=0)
        masks = resize(scores.probabilities.to(self.device), seen.size)
        features = seen.features
        now = self.net.remember(features.embedding[0], features.context[0], masks)
        state = self._with_objects(state, scores.ids)
        anchors, recent = state.anchors, state.recent
        if given is not None and given.ids:
            anchors = self._with_latest(anchors, now)
        elif state.frames % self.settings.interval_frames == 0 and self.settings.recent:
            recent = (*recent, now)[-self.settings.recent :]
        after = replace(
            state,
            ids=scores.ids,
            anchors=anchors,
            recent=recent,
            previous=now,
            picture=seen.picture,
            masks=masks,
            frames=state.frames + 1,
        )
        if self.adaptation is None or given is None or not given.ids:
            return after
        annotated = self._with_latest(state.annotated, as_annotated(seen.picture, scores, given))
        head = tuned_head(self.net, annotated, self.adaptation)
        return replace(after, annotated=annotated, head=head)

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
