"""HOTA, MOTA and identity switches for masks: are objects found, and do they keep their names?

The measures see only `FrameOverlap`, the IoUs of one frame; `identity.py` makes them from label
maps and track files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

ALPHAS = np.arange(1, 20) / 20
"""The localisation thresholds .05, .10 ... .95 that HOTA averages over."""

_EPS = np.finfo(float).eps
_SWITCH_IOU = 0.5


@dataclass(frozen=True)
class FrameOverlap:
    """One frame: the objects in it, the predicted ones, and (G, P) IoU between their masks."""

    gt_ids: tuple[int, ...]
    predicted_ids: tuple[int, ...]
    iou: np.ndarray


@dataclass(frozen=True)
class IdentitySwitch:
    """From `frame` on, counted from 0, object `gt_id` is called `now` and no longer `before`."""

    sequence: str
    frame: int
    gt_id: int
    before: int
    now: int


@dataclass(frozen=True)
class IdentityScore:
    """Detection, association and identity, as fractions.

    Attributes:
        hota: mean over the thresholds of sqrt(DetA * AssA).
        det_a: detection accuracy, mean over the thresholds; `ass_a` association accuracy.
        ass_a: how much of two matched tracks' frames match, mean over matches and thresholds.
        loc_a: mean IoU of matched masks, mean over the thresholds; 1 where nothing matched.
        mota: (matches - false positives - switches) / objects, at IoU 0.5; may be negative.
        switches: every change of name, at IoU 0.5.
        counts: (19, 5) matches, misses, false positives, sum of association, sum of IoU at each
            threshold; they add up over sequences.
        counts_50: the first three of another matching, at IoU 0.5 and true to the frame before.
    """

    hota: float
    det_a: float
    ass_a: float
    loc_a: float
    mota: float
    switches: tuple[IdentitySwitch, ...]
    counts: np.ndarray
    counts_50: tuple[int, int, int]

    def to_json(self) -> dict:
        """{"global": {"HOTA", "DetA", "AssA", "LocA", "MOTA", "id_switches"}, "switches"}."""
        numbers = (self.hota, self.det_a, self.ass_a, self.loc_a, self.mota, len(self.switches))
        names = ("HOTA", "DetA", "AssA", "LocA", "MOTA", "id_switches")
        return {
            "global": dict(zip(names, numbers, strict=True)),
            "switches": [asdict(switch) for switch in self.switches],
        }


def identity_score(overlaps: Sequence[FrameOverlap], sequence: str = "") -> IdentityScore:
    """Score one sequence from the overlaps of its frames, in order.

    Source: Luiten et al. 2021, HOTA, sections 5 and 6; Bernardin and Stiefelhagen 2008, CLEAR MOT.
    """
    return _score(_hota_counts(overlaps), *_follow(overlaps, sequence))


def combine_identity(scores: Sequence[IdentityScore]) -> IdentityScore:
    """One score of several sequences: what was counted in each is added up."""
    counts = sum((score.counts for score in scores), np.zeros((len(ALPHAS), 5)))
    matched, missed, false = (sum(score.counts_50[n] for score in scores) for n in range(3))
    switches = tuple(switch for score in scores for switch in score.switches)
    return _score(counts, (matched, missed, false), switches)


def _score(
    counts: np.ndarray, counts_50: tuple[int, int, int], switches: tuple[IdentitySwitch, ...]
) -> IdentityScore:
    matched, missed, false, association, iou = counts.T
    det_a = matched / np.maximum(1, matched + missed + false)
    ass_a = association / np.maximum(1, matched)
    loc_a = np.where(matched > 0, iou / np.maximum(1, matched), 1.0)
    matched_50, missed_50, false_50 = counts_50
    return IdentityScore(
        float(np.sqrt(det_a * ass_a).mean()),
        float(det_a.mean()),
        float(ass_a.mean()),
        float(loc_a.mean()),
        (matched_50 - false_50 - len(switches)) / max(1, matched_50 + missed_50),
        switches,
        counts,
        counts_50,
    )


def _hota_counts(overlaps: Sequence[FrameOverlap]) -> np.ndarray:
    """(19, 5): see `IdentityScore.counts`."""
    from scipy.optimize import linear_sum_assignment

    gt_row, gt_frames = _presence([o.gt_ids for o in overlaps])
    column, frames = _presence([o.predicted_ids for o in overlaps])
    alignment = _alignment(overlaps, gt_row, column, gt_frames, frames)
    matches = np.zeros((len(ALPHAS), *alignment.shape))
    counts = np.zeros((len(ALPHAS), 5))
    for overlap in overlaps:
        g, p = _places(overlap, gt_row, column)
        rows, columns = linear_sum_assignment(alignment[g, p] * overlap.iou, maximize=True)
        iou = overlap.iou[rows, columns]
        reached = iou >= ALPHAS[:, None] - _EPS
        for alpha in range(len(ALPHAS)):
            hit = reached[alpha]
            matches[alpha, g[rows[hit], 0], p[0, columns[hit]]] += 1
        found = reached.sum(1)
        counts[:, 0] += found
        counts[:, 1] += len(overlap.gt_ids) - found
        counts[:, 2] += len(overlap.predicted_ids) - found
        counts[:, 4] += (reached * iou).sum(1)
    union = gt_frames[:, None] + frames - matches
    counts[:, 3] = (matches * matches / np.maximum(1, union)).sum((1, 2))
    return counts


def _alignment(
    overlaps: Sequence[FrameOverlap],
    gt_row: Mapping[int, int],
    column: Mapping[int, int],
    gt_frames: np.ndarray,
    frames: np.ndarray,
) -> np.ndarray:
    """(G, P) how well two tracks fit as wholes, by which frames are matched: a soft Jaccard."""
    potential = np.zeros((len(gt_frames), len(frames)))
    for overlap in overlaps:
        iou = overlap.iou
        rivals = iou.sum(0) + iou.sum(1)[:, None] - iou
        share = np.divide(iou, rivals, out=np.zeros_like(iou), where=rivals > _EPS)
        potential[_places(overlap, gt_row, column)] += share
    return potential / (gt_frames[:, None] + frames - potential)


def _presence(ids_of_frames: Sequence[tuple[int, ...]]) -> tuple[dict[int, int], np.ndarray]:
    """The row of each id, and in how many frames it is."""
    frames: dict[int, int] = {}
    for ids in ids_of_frames:
        for i in ids:
            frames[i] = frames.get(i, 0) + 1
    return {i: n for n, i in enumerate(frames)}, np.array(list(frames.values()), float)


def _places(
    overlap: FrameOverlap, gt_row: Mapping[int, int], column: Mapping[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Where a frame's (G, P) lies in the matrix of all tracks."""
    rows = np.array([gt_row[i] for i in overlap.gt_ids], int)
    columns = np.array([column[i] for i in overlap.predicted_ids], int)
    return rows[:, None], columns[None]


def _follow(
    overlaps: Sequence[FrameOverlap], sequence: str
) -> tuple[tuple[int, int, int], tuple[IdentitySwitch, ...]]:
    """Matches, misses and false positives at IoU 0.5, and the changes of name.

    As many as possible keep the partner they had in the frame before; then IoU decides.
    """
    last: dict[int, int] = {}
    previous: dict[int, int] = {}
    matched = missed = false = 0
    switches = []
    for frame, overlap in enumerate(overlaps):
        pairs = _pairs(overlap, previous)
        for gt_id, now in pairs.items():
            before = last.get(gt_id, now)
            if before != now:
                switches.append(IdentitySwitch(sequence, frame, gt_id, before, now))
        last |= pairs
        if overlap.iou.size:
            previous = pairs
        matched += len(pairs)
        missed += len(overlap.gt_ids) - len(pairs)
        false += len(overlap.predicted_ids) - len(pairs)
    return (matched, missed, false), tuple(switches)


def _pairs(overlap: FrameOverlap, previous: Mapping[int, int]) -> dict[int, int]:
    from scipy.optimize import linear_sum_assignment

    partners = [previous.get(i) for i in overlap.gt_ids]
    stays = np.array([[p == partner for p in overlap.predicted_ids] for partner in partners])
    possible = overlap.iou >= _SWITCH_IOU - _EPS
    gain = np.where(possible, overlap.iou + 1000 * stays.reshape(overlap.iou.shape), 0.0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return {
        overlap.gt_ids[r]: overlap.predicted_ids[c]
        for r, c in zip(rows, columns, strict=True)
        if gain[r, c] > 0
    }
