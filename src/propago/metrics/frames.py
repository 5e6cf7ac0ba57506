"""The scores of one frame, from its two label maps as they stand in the files."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from propago.metrics.boundary import default_tolerance_px
from propago.metrics.counts import Counts, count_objects, count_pairs
from propago.metrics.davis import VOID, f_measure, indexed, jaccard
from propago.metrics.scratch import Scratch

Candidates = tuple[np.ndarray, tuple[int, ...]]
"""A label map and ids that include all of those in it."""

FEW = 15
"""Up to this highest id all ids 1 .. highest are counted, without a search for those present."""


@dataclass(frozen=True)
class FrameRules:
    """How the label maps of a frame are read.

    Attributes:
        binary: every label but 0 is object 1.
        void_counts: void pixels of the ground truth are background; else they are left out.
        all_pairs: every true object meets every predicted one; else equal ids meet.
        tolerance_px: see `propago.metrics.davis.boundary_accuracy`.
    """

    binary: bool = False
    void_counts: bool = False
    all_pairs: bool = False
    tolerance_px: int | None = None


@dataclass(frozen=True)
class FrameScores:
    """J and F of one frame.

    Attributes:
        name: the frame's name.
        gt_ids: ids with a pixel in the ground truth, ascending.
        pred_ids: ids with a pixel in the prediction, ascending; pixels over void count.
        rows: id behind each row of the tables; 0 in front where all pairs meet.
        columns: predicted id behind each column, likewise; empty where equal ids meet.
        J: (rows,) or (rows, columns) float64. Row or column of id 0: an object that is absent.
        F: likewise.
        T: instability of the prediction against the frame before; None where not measured.
    """

    name: str
    gt_ids: tuple[int, ...]
    pred_ids: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    J: np.ndarray
    F: np.ndarray
    T: float | None = None

    def of(self, object_id: int) -> tuple[float, float]:
        """(J, F) where equal ids meet; an object that is absent from both maps scores 1."""
        if object_id not in self.rows:
            return 1.0, 1.0
        row = self.rows.index(object_id)
        return float(self.J[row]), float(self.F[row])

    def table(self, proposals: Sequence[int], ids: Sequence[int]) -> np.ndarray:
        """(2, P, K) J and F of every proposal (0: none) against every object."""
        rows = [self.rows.index(i) if i in self.rows else 0 for i in ids]
        columns = [self.columns.index(p) if p in self.columns else 0 for p in proposals]
        at = np.ix_(rows, columns)
        return np.stack([self.J[at].T, self.F[at].T])


def score_labels(
    name: str, gt: np.ndarray, pred: np.ndarray, rules: FrameRules, scratch: Scratch
) -> FrameScores:
    """J and F of one frame.

    Args:
        name: the frame's name.
        gt: (H, W) uint8 or uint16 true label map, 255 void where uint8.
        pred: (H, W) uint8 or uint16 predicted label map.
        rules: how to read them.
        scratch: memory to work in.
    """
    if rules.binary:
        gt, pred = (gt != 0).view(np.uint8), (pred != 0).view(np.uint8)
    highest, drawn = int(gt.max(initial=0)), None
    if highest == VOID and gt.dtype == np.uint8:
        void = gt == VOID
        gt = np.where(void, 0, gt)
        highest = int(gt.max(initial=0))
        if not rules.void_counts:
            drawn = present_ids(pred)
            pred = np.where(void, 0, pred)
    gt_ids, pred_ids = _candidates(gt, highest), _candidates(pred, int(pred.max(initial=0)))
    radius = default_tolerance_px(gt.shape) if rules.tolerance_px is None else rules.tolerance_px
    score = _score_all_pairs if rules.all_pairs else _score_equal_ids
    scores = score(name, (gt, gt_ids), (pred, pred_ids), radius, scratch)
    return scores if drawn is None else replace(scores, pred_ids=drawn)


def present_ids(labels: np.ndarray) -> tuple[int, ...]:
    """The values but 0 in an unsigned label map, ascending; void is one."""
    highest = int(labels.max(initial=0))
    if highest <= FEW:
        return tuple(i for i in range(1, highest + 1) if (labels == i).any())
    return tuple((np.flatnonzero(np.bincount(labels.ravel())[1:]) + 1).tolist())


def _candidates(labels: np.ndarray, highest: int) -> tuple[int, ...]:
    """Ids that include all present ones: 1 .. highest where those are few."""
    return tuple(range(1, highest + 1)) if highest <= FEW else present_ids(labels)


def _score_equal_ids(
    name: str, gt: Candidates, pred: Candidates, radius: int, scratch: Scratch
) -> FrameScores:
    ids = tuple(sorted({*gt[1], *pred[1]}))
    counts = count_objects(
        _numbered(gt[0], ids), _numbered(pred[0], ids), len(ids), radius, scratch
    )
    return FrameScores(
        name,
        gt_ids=tuple(compress(ids, counts.gt_area)),
        pred_ids=tuple(compress(ids, counts.pred_area)),
        rows=ids,
        columns=(),
        J=jaccard(counts),
        F=f_measure(counts),
    )


def _score_all_pairs(
    name: str, gt: Candidates, pred: Candidates, radius: int, scratch: Scratch
) -> FrameScores:
    (gt_labels, ids), (pred_labels, proposals) = gt, pred
    gt_map, pred_map = _numbered(gt_labels, ids), _numbered(pred_labels, proposals)
    counts = count_pairs(gt_map, pred_map, len(ids), len(proposals), radius, scratch)
    padded = _with_absent(counts)
    return FrameScores(
        name,
        gt_ids=tuple(compress(ids, counts.gt_area[:, 0])),
        pred_ids=tuple(compress(proposals, counts.pred_area[0])),
        rows=(0, *ids),
        columns=(0, *proposals),
        J=jaccard(padded),
        F=f_measure(padded),
    )


def _numbered(labels: np.ndarray, ids: tuple[int, ...]) -> np.ndarray:
    """Labels that are all in `ids`, by their place in it from 1."""
    return labels if len(ids) <= FEW and ids[-1:] in ((), (len(ids),)) else indexed(labels, ids)


def _with_absent(counts: Counts) -> Counts:
    """Counts of all pairs with one more row and column in front, of objects without a pixel."""
    both, row, column = ((1, 0), (1, 0)), ((1, 0), (0, 0)), ((0, 0), (1, 0))
    return Counts(
        intersection=np.pad(counts.intersection, both),
        gt_area=np.pad(counts.gt_area, row),
        pred_area=np.pad(counts.pred_area, column),
        gt_boundary=np.pad(counts.gt_boundary, row),
        pred_boundary=np.pad(counts.pred_boundary, column),
        gt_matched=np.pad(counts.gt_matched, both),
        pred_matched=np.pad(counts.pred_matched, both),
    )
