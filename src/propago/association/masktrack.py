"""Identities by embedding, confidence, overlap and class: the inference of MaskTrack R-CNN.

Source: Yang, Fan, Xu, "Video Instance Segmentation", ICCV 2019, equations 2 and 4, with the numbers
of the authors' release. Differently: of several detections that claim one identity the best has it
and the others are dropped (there, a beaten one keeps it, and two have it); an instance that is away
is forgotten after a while (there, never); its class is the one that its detections were surest of
(there, of the first for matching, the most frequent in the result).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from propago.association.known import TrackedInstance, voted
from propago.detections import Detections
from propago.errors import UsageError
from propago.ops.overlap import box_ious

_TINY = 1e-12


@dataclass(frozen=True)
class MaskTrackSettings:
    """How much each cue counts beside the probability of equation 2.

    Attributes:
        confidence: weight of the logarithm of the detection's confidence.
        overlap: weight of the IoU with the box that the instance was last seen in.
        same_class: what an instance of the same class gets; "new" gets it, too.
        max_absent_frames: an instance that is away for longer is forgotten.
    """

    confidence: float = 1.0
    overlap: float = 2.0
    same_class: float = 10.0
    max_absent_frames: int = 30


COMPACT = MaskTrackSettings(overlap=4.0, same_class=1.0)
"""Chosen on validation sequences for the compact network."""


@dataclass(frozen=True)
class Remembered(TrackedInstance):
    """An instance of the external memory.

    Attributes:
        box_xyxy: where it was last seen.
        embedding: of when it was last seen.
        absent: frames since.
    """

    box_xyxy: tuple[float, float, float, float]
    embedding: tuple[float, ...]
    absent: int = 0


@dataclass(frozen=True)
class MaskTrackState:
    """The memory, by ascending id; and the id of the next new instance."""

    memory: tuple[Remembered, ...] = ()
    next_id: int = 1


class MaskTrackAssociator:
    """The rule as an `Associator`; its detections have embeddings."""

    def __init__(self, settings: MaskTrackSettings | None = None) -> None:
        self.settings = settings or MaskTrackSettings()
        self.description = {"associator": "masktrack", **asdict(self.settings)}

    @classmethod
    def load(cls) -> "MaskTrackAssociator":
        """The rule with numbers chosen for the compact network, whose classes are less certain."""
        return cls(COMPACT)

    def begin(self) -> MaskTrackState:
        """Nothing is remembered."""
        return MaskTrackState()

    def associate(
        self, state: MaskTrackState, found: Detections
    ) -> tuple[Detections, MaskTrackState]:
        """The detections that have an identity, with it; and the state after them.

        Raises:
            UsageError: detections without embeddings.
        """
        if found.embeddings is None and len(found):
            raise UsageError(
                "the associator masktrack compares embeddings, which these detections lack: take "
                "the detector masktrack_rcnn, or the associator iou"
            )
        claims, scores = self._claims(state.memory, found)
        ids = np.zeros(len(found), np.int64)
        for place in range(len(state.memory)):
            claimants = np.flatnonzero(claims == place + 1)
            if len(claimants):
                ids[claimants[scores[claimants].argmax()]] = state.memory[place].id
        new = np.flatnonzero(claims == 0)
        ids[new] = state.next_id + np.arange(len(new))
        here = np.flatnonzero(ids)
        tracked = replace(found[here], ids=ids[here])
        memory = self._after(state.memory, tracked)
        class_of_id = {m.id: m.class_id for m in memory}
        classes = np.array([class_of_id[i] for i in _ids(tracked)], found.classes.dtype)
        tracked = replace(tracked, classes=classes)
        return tracked, MaskTrackState(memory, state.next_id + len(new))

    def _claims(
        self, memory: Sequence[Remembered], found: Detections
    ) -> tuple[np.ndarray, np.ndarray]:
        """(N,) what each detection says it is, 0 new or 1 + a place in `memory`, and its score."""
        scores = self.scores(memory, found)
        return scores.argmax(1), scores.max(1)

    def scores(self, memory: Sequence[Remembered], found: Detections) -> np.ndarray:
        """(N, 1 + M) how well each detection fits "new" and each instance of the memory.

        log p of equation 2, and the cues of equation 4.
        """
        n, s = len(found), self.settings
        if not n:
            return np.zeros((0, 1 + len(memory)))
        products = np.zeros((n, 1 + len(memory)))
        ious, same = np.zeros_like(products), np.ones_like(products)
        if memory:
            known = np.array([m.embedding for m in memory])
            products[:, 1:] = np.asarray(found.embeddings, np.float64) @ known.T
            ious[:, 1:] = box_ious(found.boxes_xyxy, np.array([m.box_xyxy for m in memory]))
            same[:, 1:] = found.classes[:, None] == [m.class_id for m in memory]
        shifted = products - products.max(1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
        confidence = np.log(np.maximum(found.confidence, _TINY))[:, None]
        return log_p + s.confidence * confidence + s.overlap * ious + s.same_class * same

    def _after(self, memory: Sequence[Remembered], tracked: Detections) -> tuple[Remembered, ...]:
        """The memory with what was seen."""
        kept = {m.id: replace(m, absent=m.absent + 1) for m in memory}
        rows = zip(
            _ids(tracked),
            tracked.classes.tolist(),
            tracked.confidence.tolist(),
            tracked.boxes_xyxy.tolist(),
            [] if tracked.embeddings is None else tracked.embeddings.tolist(),
            strict=True,
        )
        for i, class_id, confidence, box, embedding in rows:
            votes = voted(kept[i].votes if i in kept else (), class_id, confidence)
            kept[i] = Remembered(i, votes, tuple(box), tuple(embedding))
        most = self.settings.max_absent_frames
        return tuple(kept[i] for i in sorted(kept) if kept[i].absent <= most)


def _ids(tracked: Detections) -> list[int]:
    return [] if tracked.ids is None else tracked.ids.tolist()
