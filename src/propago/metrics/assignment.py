"""Which proposal stands for which object, where ids are not compared as they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from propago.errors import MaskError
from propago.metrics.counts import Counts, count_pairs
from propago.metrics.davis import f_measure, jaccard
from propago.metrics.pairs import LabelRules, candidates, numbered, without_void
from propago.metrics.scratch import Scratch

MAX_PROPOSALS = 20


@dataclass(frozen=True)
class FrameTable:
    """J and F of every proposal against every object in one frame.

    Attributes:
        gt_ids: ids with a pixel in the ground truth, ascending.
        pred_ids: ids with a pixel in the prediction, ascending; pixels over void count.
        rows: object behind each row; 0 in front, for one that is absent.
        columns: proposal behind each column, likewise.
        J: (rows, columns) float64.
        F: likewise.
    """

    gt_ids: tuple[int, ...]
    pred_ids: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    J: np.ndarray
    F: np.ndarray

    def of(self, proposals: Sequence[int], ids: Sequence[int]) -> np.ndarray:
        """(2, P, K) J and F of some proposals (0: none) against some objects."""
        rows = [self.rows.index(i) if i in self.rows else 0 for i in ids]
        columns = [self.columns.index(p) if p in self.columns else 0 for p in proposals]
        at = np.ix_(rows, columns)
        return np.stack([self.J[at].T, self.F[at].T])


def compare_all(
    gt: np.ndarray, pred: np.ndarray, rules: LabelRules, scratch: Scratch
) -> FrameTable:
    """Every true object of a frame against every predicted one; see `pairs.pair_labels`."""
    gt, pred, drawn = without_void(gt, pred, rules)
    ids, proposals = candidates(gt), candidates(pred)
    counts = count_pairs(
        numbered(gt, ids),
        numbered(pred, proposals),
        len(ids),
        len(proposals),
        rules.radius_px(gt.shape),
        scratch,
    )
    padded = _with_absent(counts)
    return FrameTable(
        gt_ids=tuple(compress(ids, counts.gt_area[:, 0])),
        pred_ids=drawn if drawn is not None else tuple(compress(proposals, counts.pred_area[0])),
        rows=(0, *ids),
        columns=(0, *proposals),
        J=jaccard(padded),
        F=f_measure(padded),
    )


def assign_proposals(
    tables: Sequence[FrameTable], ids: Sequence[int], where: str, official: bool
) -> dict[int, int | None]:
    """The proposal of each object, no proposal twice, so that the mean of J and F is highest.

    Args:
        tables: one for each frame of a sequence.
        ids: the objects.
        where: the folder of the predictions, for the message.
        official: whether proposals are 1 .. the highest id, as the DAVIS tool has it.

    Returns:
        {object: proposal}, None where none is left for it; by object, if official by proposal.

    Raises:
        MaskError: more proposals than the protocol allows.
    """
    from scipy.optimize import linear_sum_assignment

    seen = set().union(*(table.pred_ids for table in tables))
    proposals = list(range(1, max(seen, default=0) + 1)) if official else sorted(seen)
    if len(proposals) > MAX_PROPOSALS:
        raise MaskError(
            f"{where} has {len(proposals)} proposals, the last of id {proposals[-1]}; the "
            f"protocol allows {MAX_PROPOSALS} in a sequence"
        )
    padded = [*proposals, *[None] * (len(ids) - len(proposals))]
    scores = np.stack([table.of([p or 0 for p in padded], ids) for table in tables], -1)
    rows, columns = linear_sum_assignment(-scores.mean(-1).sum(0) / 2)
    pairs = {ids[k]: padded[p] for p, k in zip(rows.tolist(), columns.tolist(), strict=True)}
    return pairs if official else dict(sorted(pairs.items()))


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
