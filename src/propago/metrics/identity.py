"""HOTA, MOTA and identity switches of label maps, frame by frame, and of YouTube-VIS tracks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from propago.errors import UsageError
from propago.io.rle import areas_px, intersections_px
from propago.io.sequence_folders import SequenceFiles
from propago.metrics.confusion import joint_counts
from propago.metrics.davis import VOID
from propago.metrics.evaluation import Evaluation
from propago.metrics.hota import FrameOverlap, IdentityScore, combine_identity, identity_score
from propago.metrics.pairs import LabelRules, read_pair, without_void
from propago.metrics.protocols import PROTOCOLS
from propago.metrics.track_files import Track, VideoTracks


@dataclass(frozen=True)
class SequenceIdentity:
    """Who covers whom in one sequence.

    Attributes:
        frames: names of the T frames, in order.
        overlaps: of each frame, the IoU of every object with every predicted one.
        score: HOTA, MOTA and the switches; a switch's `frame` is an index into `frames`.
    """

    frames: tuple[str, ...]
    overlaps: tuple[FrameOverlap, ...]
    score: IdentityScore


@dataclass(frozen=True)
class Identity:
    """The result of `propago.evaluate_identity`: one entry for each sequence, by its name."""

    sequences: Mapping[str, SequenceIdentity]

    @cached_property
    def summary(self) -> IdentityScore:
        """What was counted in all sequences, added up."""
        return combine_identity([sequence.score for sequence in self.sequences.values()])

    def to_json(self) -> dict:
        """{"global": figures, "sequences": {name: figures}, "switches": [...]}, frames by name."""
        return {
            "global": self.summary.to_json()["global"],
            "sequences": {name: s.score.to_json()["global"] for name, s in self.sequences.items()},
            "switches": [
                switch | {"frame": s.frames[switch["frame"]]}
                for s in self.sequences.values()
                for switch in s.score.to_json()["switches"]
            ],
        }


def evaluate_identity(
    evaluation: Evaluation, progress: Callable[[int, int | None, str], None] | None = None
) -> Identity:
    """HOTA, MOTA and identity switches of the label maps that an evaluation measured.

    The files are read again. All evaluated frames count, for every object in them; void pixels
    are left out, whatever the protocol does with them.

    Args:
        evaluation: the result of `propago.evaluate`; where its protocol knows one object only,
            so does this.
        progress: called with (frames done, frames in all, what is done).

    Raises:
        SourceError: a file is missing or unreadable.
        MaskError: a file holds no label map.
        UsageError: the evaluation is not one of label maps.
    """
    if not evaluation.sequences:
        raise UsageError(
            f"identities are followed in label maps, and {evaluation.protocol} has none; of "
            "YouTube-VIS files `metrics` HOTA measures them"
        )
    rules, done = LabelRules(binary=PROTOCOLS[evaluation.protocol].binary), 0
    total = sum(len(files.frames) for files in evaluation.sequences)
    found: dict[str, SequenceIdentity] = {}
    for files in evaluation.sequences:
        overlaps = []
        for frame in files.frames:
            gt, pred, _ = without_void(*read_pair(frame), rules)
            overlaps.append(overlap_of_labels(gt, pred))
            if progress:
                progress(done := done + 1, total, "following identities")
        names = tuple(frame.name for frame in files.frames)
        score = identity_score(overlaps, files.name)
        found[files.name] = SequenceIdentity(names, tuple(overlaps), score)
    return Identity(found)


def identity_of_labels(
    pairs: Iterable[tuple[np.ndarray, np.ndarray]], sequence: str = ""
) -> IdentityScore:
    """HOTA, MOTA and identity switches of the label maps of one sequence.

    One pair of maps is in memory at a time; of each frame only the IoUs are kept.

    Args:
        pairs: (ground truth, prediction) of each frame, (H, W) integer maps of ids, 0
            background. 255 in a uint8 ground truth is void and removed from both maps; in a uint8
            prediction it is background.
        sequence: name to write into the switches.

    Raises:
        ShapeError: the two maps of a frame differ in size.
        MaskError: a map holds no integers, or one outside 0 to 65535.
    """
    return identity_score([overlap_of_labels(*pair) for pair in pairs], sequence)


class TrackIdentity:
    """HOTA, MOTA and identity switches of tracks, by category and all added up.

    Detections compete only with ground truth of their own category. Crowds are not objects, and a
    mask that lies by more than half in a crowd and has IoU 0.5 with no object is left out. In the
    switches an object is known by its annotation id, a detection by its place in the results.

    Args:
        min_score: tracks of a lower score are left out. HOTA knows no ranking: without a
            threshold every duplicate counts as a false positive.
    """

    lower_is_better = ("id_switches",)

    def __init__(self, min_score: float = 0.0) -> None:
        self.min_score = min_score
        self._scores: dict[int, list[IdentityScore]] = {}

    def update(self, pair: VideoTracks) -> Mapping[str, float]:
        """Follow the identities of one video."""
        for category in pair.categories:
            truth, found = pair.of_category(category)
            found = [track for track in found if track.score >= self.min_score]
            if truth or found:
                score = identity_score(overlaps_of_tracks(truth, found), str(pair.video))
                self._scores.setdefault(category, []).append(score)
        return {}

    def by_category(self) -> dict[int, IdentityScore]:
        """The scores of each category that has ground truth or detections."""
        return {category: combine_identity(s) for category, s in sorted(self._scores.items())}

    def compute(self) -> Mapping[str, float]:
        """{"HOTA", "DetA", "AssA", "LocA", "MOTA", "id_switches"} of all categories added up."""
        return combine_identity(list(self.by_category().values())).to_json()["global"]

    def parts(self) -> Mapping[int, Mapping[str, float]]:
        """The same figures of each category."""
        return {c: score.to_json()["global"] for c, score in self.by_category().items()}


class LabelIdentity:
    """HOTA, MOTA and identity switches of label maps of tracks, all sequences added up."""

    lower_is_better = ("id_switches",)

    def __init__(self) -> None:
        self._scores: list[IdentityScore] = []

    def update(self, pair: SequenceFiles) -> Mapping[str, float]:
        """Follow the identities of one sequence, a frame in memory at a time."""
        self._scores.append(identity_of_labels(map(read_pair, pair.frames), pair.name))
        return {}

    def compute(self) -> Mapping[str, float]:
        """{"HOTA", "DetA", "AssA", "LocA", "MOTA", "id_switches"} of all sequences."""
        return combine_identity(self._scores).to_json()["global"]


def overlap_of_labels(gt: np.ndarray, prediction: np.ndarray) -> FrameOverlap:
    """IoU of every object with every predicted one in one frame; see `identity_of_labels`."""
    void = [VOID if labels.dtype == np.uint8 else -1 for labels in (gt, prediction)]
    true, predicted, pixels = joint_counts(gt, prediction)
    counted = true != void[0]
    true, predicted, pixels = true[counted], predicted[counted], pixels[counted]
    predicted[predicted == void[1]] = 0
    gt_ids, rows = np.unique(np.append(true, 0), return_inverse=True)
    ids, columns = np.unique(np.append(predicted, 0), return_inverse=True)
    counts = np.zeros((len(gt_ids), len(ids)))
    np.add.at(counts, (rows[:-1], columns[:-1]), pixels)
    shared = counts[1:, 1:]
    union = counts[1:].sum(1)[:, None] + counts[:, 1:].sum(0) - shared
    return FrameOverlap(tuple(gt_ids[1:].tolist()), tuple(ids[1:].tolist()), shared / union)


def overlaps_of_tracks(truth: Sequence[Track], found: Sequence[Track]) -> list[FrameOverlap]:
    """IoU of every track with every detected one, frame by frame of one video."""
    objects = [track for track in truth if not track.crowd]
    crowds = [track for track in truth if track.crowd]
    length = len((*truth, *found)[0].masks) if truth or found else 0
    return [_overlap_of_masks(objects, crowds, found, t) for t in range(length)]


def _overlap_of_masks(
    objects: Sequence[Track], crowds: Sequence[Track], found: Sequence[Track], frame: int
) -> FrameOverlap:
    object_px = areas_px([track.masks[frame] for track in objects])
    found_px = areas_px([track.masks[frame] for track in found])
    objects = [track for track, px in zip(objects, object_px, strict=True) if px]
    found = [track for track, px in zip(found, found_px, strict=True) if px]
    masks = [track.masks[frame] for track in found]
    shared = intersections_px([track.masks[frame] for track in objects], masks)
    iou = shared / (object_px[object_px > 0][:, None] + found_px[found_px > 0] - shared)
    in_crowd = intersections_px([track.masks[frame] for track in crowds], masks).sum(0)
    kept = (in_crowd <= 0.5 * found_px[found_px > 0]) | (iou.max(0, initial=0.0) >= 0.5)
    return FrameOverlap(
        tuple(track.id for track in objects),
        tuple(track.id for track, keep in zip(found, kept, strict=True) if keep),
        iou[:, kept],
    )
