"""The rules of each benchmark: which frames and objects count, what void means, who meets whom."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from propago.errors import MaskError
from propago.io.formats.sequence_folders import SequenceFiles
from propago.metrics.evaluation import ObjectScores
from propago.metrics.frames import FrameScores

MAX_PROPOSALS = 20


@dataclass(frozen=True)
class Protocol:
    """The rules of one benchmark.

    Attributes:
        name: what `--protocol` says.
        rules: the rules in a sentence or two, for reports.
        annotations: folders of a data set's root that hold its ground truth, best first.
        ends_count: whether the first and the last frame of a sequence are evaluated.
        sparse: whether results may hold frames that the ground truth lacks.
        binary: whether every label but 0 is the one object, whose stability is measured too.
        assigned: whether proposals are assigned to objects; else ids are compared as they stand.
        from_first_sight: whether an object counts only after the frame it first appears in.
    """

    name: str
    rules: str
    annotations: tuple[str, ...] = ("Annotations",)
    ends_count: bool = True
    sparse: bool = False
    binary: bool = False
    assigned: bool = False
    from_first_sight: bool = False


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "davis2017",
            "DAVIS 2017 semi-supervised: ids are compared as they stand, in every frame but the "
            "first and the last; where an object is absent from both maps it scores 1. Pixels "
            "that are void (255) in the ground truth are left out.",
            ends_count=False,
        ),
        Protocol(
            "davis2016",
            "DAVIS 2016: everything that is not background is the one object, in every frame "
            "but the first and the last; temporal instability T of the predictions besides.",
            ends_count=False,
            binary=True,
        ),
        Protocol(
            "davis-unsupervised",
            "DAVIS 2019 unsupervised: at most 20 proposals, each assigned to one object so that "
            "the mean of J and F is highest, in all frames; void pixels are left out.",
            annotations=("Annotations_unsupervised", "Annotations"),
            assigned=True,
        ),
        Protocol(
            "youtube-vos",
            "YouTube-VOS: ids are compared as they stand in the annotated frames after the one "
            "in which the object first appears; results may hold further frames.",
            sparse=True,
            from_first_sight=True,
        ),
    )
}


def gather(
    files: SequenceFiles,
    frames: Sequence[FrameScores],
    first_ids: Iterable[int],
    protocol: Protocol,
    official: bool,
) -> tuple[list[ObjectScores], list[str]]:
    """The scores of a sequence's objects from those of its frames.

    Args:
        files: the sequence; errors name its files.
        frames: one per evaluated frame, in order.
        first_ids: ids in the sequence's first true label map, evaluated or not.
        protocol: the rules.
        official: whether objects are 1 .. the highest id of the first map, as the DAVIS tools
            have it, instead of those that exist.

    Returns:
        the objects, and notes on those left out.

    Raises:
        MaskError: a predicted id that the ground truth lacks, no object, too many proposals.
    """
    first = set(first_ids)
    seen = first.union(*(frame.gt_ids for frame in frames))
    ids = list(range(1, max(first, default=0) + 1)) if official else sorted(seen)
    if not ids:
        raise MaskError(
            f"{files.first_gt.parent} holds no object: its label maps have no value but 0 and void "
            "255 (of 0/255 masks of one object use the protocol davis2016)"
        )
    if protocol.assigned:
        return _assigned(files, frames, ids, official), []
    _refuse_extra_ids(files, frames, ids)
    if protocol.from_first_sight:
        return _from_first_sight(files, frames, ids)
    return [_object(files.name, object_id, frames) for object_id in ids], []


def _object(sequence: str, object_id: int, frames: Sequence[FrameScores]) -> ObjectScores:
    scores = np.array([frame.of(object_id) for frame in frames]).reshape(-1, 2)
    measured = [frame.T for frame in frames]
    return ObjectScores(
        sequence,
        object_id,
        tuple(frame.name for frame in frames),
        J=scores[:, 0],
        F=scores[:, 1],
        T=None if None in measured else np.array(measured, np.float64),
    )


def _from_first_sight(
    files: SequenceFiles, frames: Sequence[FrameScores], ids: Sequence[int]
) -> tuple[list[ObjectScores], list[str]]:
    """Every object over the frames after its first."""
    objects, notes = [], []
    for object_id in ids:
        first = next(i for i, frame in enumerate(frames) if object_id in frame.gt_ids)
        if first + 1 < len(frames):
            objects.append(_object(files.name, object_id, frames[first + 1 :]))
        else:
            notes.append(
                f"{files.name}: object {object_id} first appears in the last annotated frame "
                f"{frames[first].name}: it is not evaluated"
            )
    return objects, notes


def _refuse_extra_ids(
    files: SequenceFiles, frames: Sequence[FrameScores], ids: Sequence[int]
) -> None:
    legal = set(ids)
    for frame, paths in zip(frames, files.frames, strict=True):
        extra = sorted(set(frame.pred_ids) - legal)
        if extra:
            raise MaskError(
                f"{paths.pred} has object {', '.join(map(str, extra))}, which the ground truth "
                f"of {files.name} lacks; it has {', '.join(map(str, ids))}"
            )


def _assigned(
    files: SequenceFiles, frames: Sequence[FrameScores], ids: Sequence[int], official: bool
) -> list[ObjectScores]:
    """Every object with the proposal that suits it, no proposal twice."""
    from scipy.optimize import linear_sum_assignment

    proposals = _proposals(files, frames, official)
    padded = [*proposals, *[None] * (len(ids) - len(proposals))]
    tables = np.stack([frame.table([p or 0 for p in padded], ids) for frame in frames], -1)
    quality = tables.mean(-1).sum(0) / 2
    rows, columns = linear_sum_assignment(-quality)
    pairs = list(zip(rows.tolist(), columns.tolist(), strict=True))
    if not official:
        pairs.sort(key=lambda pair: pair[1])
    return [
        ObjectScores(
            files.name,
            ids[k],
            tuple(frame.name for frame in frames),
            J=tables[0, p, k].copy(),
            F=tables[1, p, k].copy(),
            proposal=padded[p],
        )
        for p, k in pairs
    ]


def _proposals(files: SequenceFiles, frames: Sequence[FrameScores], official: bool) -> list[int]:
    seen = set().union(*(frame.pred_ids for frame in frames))
    found = list(range(1, max(seen, default=0) + 1)) if official else sorted(seen)
    if len(found) > MAX_PROPOSALS:
        raise MaskError(
            f"{files.frames[0].pred.parent} has {len(found)} proposals, the last of id "
            f"{found[-1]}; the protocol allows {MAX_PROPOSALS} in a sequence"
        )
    return found
