"""The objects of one sequence, measured in one pass over its label maps."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from propago.errors import MaskError
from propago.io.masks import read_labels
from propago.io.sequence_folders import FrameFiles, SequenceFiles
from propago.metrics.assignment import assign_proposals, compare_all
from propago.metrics.davis import VOID
from propago.metrics.evaluation import ObjectScores
from propago.metrics.metric import Metric
from propago.metrics.pairs import (
    LabelPair,
    LabelRules,
    MaskPair,
    empty_pair,
    pair_labels,
    present_ids,
    read_pair,
    renamed,
)
from propago.metrics.protocols import Protocol
from propago.metrics.scratch import Scratch

Found = tuple[list[ObjectScores], list[str]]
"""The objects of a sequence, and notes on those left out."""

_WHITE = (
    ": are the results 0/255? Take the protocol davis2016, or give them ids (propago doctor --fix)"
)
_OWN_IDS = (
    ". Where the ids are a tracker's own, the protocol identity (HOTA) or davis-unsupervised (J&F) "
    "matches them"
)


@dataclass(frozen=True)
class SequenceTask:
    """What a process needs to measure one sequence.

    Attributes:
        files: the sequence; errors name its files.
        protocol: which objects and frames count, and who meets whom.
        official: whether objects are 1 .. the highest id of the first map, as the DAVIS tools
            have it, instead of those that exist.
        tolerance_px: see `propago.metrics.davis.boundary_accuracy`.
        metrics: copied for each object.
        compiled: whether there is so much to do that compiled code pays.
        allow_extra: predicted objects that the ground truth lacks are noted, not refused.
    """

    files: SequenceFiles
    protocol: Protocol
    official: bool
    tolerance_px: int | None
    metrics: tuple[Metric, ...]
    compiled: bool = False
    allow_extra: bool = False

    @property
    def closed(self) -> bool:
        """Whether the objects are known before their frames are seen."""
        return self.official or self.protocol.assigned

    @property
    def rules(self) -> LabelRules:
        """How its label maps are read."""
        return label_rules(self.protocol, self.official, self.tolerance_px)


def label_rules(protocol: Protocol, official: bool, tolerance_px: int | None = None) -> LabelRules:
    """How a protocol reads label maps."""
    return LabelRules(protocol.binary, official and not protocol.assigned, tolerance_px)


@dataclass
class _Followed:
    """One object on its way through a sequence; the frame of its first sight may not count."""

    id: int
    metrics: tuple[Metric, ...]
    uncounted: str | None = None
    frames: list[str] = field(default_factory=list)
    values: list[Mapping[str, float]] = field(default_factory=list)

    def update(self, frame: str, pair: LabelPair) -> None:
        if frame != self.uncounted:
            mine = MaskPair(pair, self.id)
            self.frames.append(frame)
            self.values.append({k: v for m in self.metrics for k, v in m.update(mine).items()})

    def scores(self, sequence: str, proposal: int | None) -> ObjectScores:
        return ObjectScores(
            sequence,
            self.id,
            tuple(self.frames),
            figures={k: float(v) for m in self.metrics for k, v in m.compute().items()},
            values={k: np.array([v[k] for v in self.values], np.float64) for k in self.values[0]},
            proposal=proposal,
        )


def measure_sequence(task: SequenceTask, tick: Callable[[], None] | None = None) -> Found:
    """The scores of a sequence's objects, and notes on those left out.

    Args:
        task: what is measured, and how.
        tick: called after each frame that was read.

    Raises:
        SourceError: a file is missing or unreadable.
        MaskError: a file holds no label map, the two of a frame differ in size, a predicted id
            that the ground truth lacks, no object, too many proposals.
    """
    scratch = Scratch(task.compiled)
    proposals = _proposals(task, scratch, tick)
    legal = set(proposals)
    objects = {i: _Followed(i, deepcopy(task.metrics)) for i in proposals}
    if task.protocol.from_first_sight:
        objects.clear()
    drawn: dict[int, Path] = {}
    names = {p: i for i, p in proposals.items() if p} if task.protocol.assigned else None
    for files, pair in _pairs(task, names, scratch, tick):
        drawn = {i: files.pred for i in pair.pred_ids} | drawn
        if not task.closed:
            legal |= set(pair.gt_ids)
            for i in _entering(task, pair) - objects.keys():
                objects[i] = _enter(task, i, files, pair)
        for o in objects.values():
            o.update(files.name, pair)
    ids = list(proposals) if task.closed else sorted(legal)
    extra = _other_ids(task.files, ids, drawn, refuse=not task.allow_extra)
    found = [objects[i].scores(task.files.name, proposals.get(i)) for i in ids if objects[i].frames]
    late = [_note(task.files, objects[i]) for i in ids if not objects[i].frames]
    absent = [] if task.protocol.assigned else [o.id for o in found if o.id not in drawn]
    return found, [*late, *extra, *_absent(task.files.name, absent)]


def _proposals(
    task: SequenceTask, scratch: Scratch, tick: Callable[[], None] | None
) -> dict[int, int | None]:
    """The objects that are known before the sequence is measured, with the proposal assigned."""
    first = _first_ids(task)
    known = list(range(1, max(first, default=0) + 1)) if task.official else first
    if not task.protocol.assigned:
        return dict.fromkeys(known)
    tables = []
    for files in task.files.frames:
        tables.append(compare_all(*read_pair(files), task.rules, scratch))
        if tick:
            tick()
    if not task.official:
        known = sorted({*first, *(i for table in tables for i in table.gt_ids)})
    where = str(task.files.frames[0].pred.parent)
    return assign_proposals(tables, known, where, task.official)


def _first_ids(task: SequenceTask) -> list[int]:
    """The ids in a sequence's first true label map, whether it is evaluated or not."""
    labels = read_labels(task.files.first_gt, task.files.frames[0].gt_policy)
    if task.protocol.binary:
        return [1]
    return [i for i in present_ids(labels) if i != VOID or labels.itemsize > 1]


def _pairs(
    task: SequenceTask,
    names: Mapping[int, int] | None,
    scratch: Scratch,
    tick: Callable[[], None] | None,
) -> Iterator[tuple[FrameFiles, LabelPair]]:
    for files in task.files.frames:
        gt, pred = read_pair(files)
        pred = pred if names is None else renamed(pred, names)
        yield files, pair_labels(gt, pred, task.rules, scratch)
        if tick:
            tick()


def _entering(task: SequenceTask, pair: LabelPair) -> set[int]:
    """Ids that are followed from this frame on; a wrong one is refused in the end."""
    return {*pair.gt_ids, *(() if task.protocol.from_first_sight else pair.pred_ids)}


def _enter(task: SequenceTask, object_id: int, files: FrameFiles, pair: LabelPair) -> _Followed:
    """An object that appears now; where all frames count, it was absent from those before."""
    if task.protocol.from_first_sight:
        return _Followed(object_id, deepcopy(task.metrics), uncounted=files.name)
    followed, nothing = _Followed(object_id, deepcopy(task.metrics)), empty_pair(pair.gt.shape)
    for before in task.files.frames[: task.files.frames.index(files)]:
        followed.update(before.name, nothing)
    return followed


def _other_ids(
    files: SequenceFiles, ids: Sequence[int], drawn: Mapping[int, Path], *, refuse: bool
) -> list[str]:
    """Refuse objects that the ground truth lacks, or say which they are."""
    if not ids:
        raise MaskError(
            f"{files.first_gt.parent} holds no object: its label maps have no value but 0 and void "
            "255 (of 0/255 masks of one object use the protocol davis2016)"
        )
    extra = {i: path for i, path in drawn.items() if i not in ids}
    if extra and not refuse:
        named = f"object{'s' * (len(extra) > 1)} {', '.join(map(str, sorted(extra)))}"
        return [f"{files.name}: {named} of the results the ground truth lacks: left out of J and F"]
    if extra:
        path = min(extra.values(), key=[frame.pred for frame in files.frames].index)
        here = sorted(i for i, first in extra.items() if first == path)
        hint = _WHITE if here == [255] else _OWN_IDS
        raise MaskError(
            f"{path} has object {', '.join(map(str, here))}, which the ground truth of "
            f"{files.name} lacks; it has {', '.join(map(str, ids))}{hint}"
        )
    return []


def _note(files: SequenceFiles, late: _Followed) -> str:
    return (
        f"{files.name}: object {late.id} first appears in the last annotated frame "
        f"{late.uncounted}: it is not evaluated"
    )


def _absent(sequence: str, ids: Sequence[int]) -> list[str]:
    """A note on objects that stand in no frame of the results."""
    if not ids:
        return []
    named = f"object{'s' * (len(ids) > 1)} {', '.join(map(str, ids))}"
    return [f"{sequence}: {named} of the ground truth {'are' if ids[1:] else 'is'} in no result"]
