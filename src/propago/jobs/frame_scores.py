"""The scores of a run of frames from their files: the share of an evaluation one process does."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from propago.errors import MaskError
from propago.io.formats.png import read_labels
from propago.io.formats.sequence_folders import FrameFiles
from propago.metrics.frames import FrameRules, FrameScores, score_labels
from propago.metrics.scratch import Scratch
from propago.metrics.stability import Outline, describe, instability


@dataclass(frozen=True)
class FrameTask:
    """Frames of one sequence that follow one another.

    Attributes:
        frames: the files.
        before: the frame before them, where stability is measured and there is one.
        rules: how their label maps are read.
        compiled: whether there is so much to do that compiled code pays.
    """

    frames: tuple[FrameFiles, ...]
    before: FrameFiles | None
    rules: FrameRules
    compiled: bool


def score_task(task: FrameTask) -> list[FrameScores]:
    """Scores of the frames of a task, in order.

    Raises:
        SourceError: a file is missing or unreadable.
        MaskError: a file holds no label map, or the two of a frame differ in size.
    """
    scratch, scores = Scratch(task.compiled), []
    outline = describe(read_labels(task.before.pred) != 0) if task.before else None
    for files in task.frames:
        gt, pred = read_labels(files.gt), read_labels(files.pred)
        _refuse_other_size(files, gt, pred)
        frame = score_labels(files.name, gt, pred, task.rules, scratch)
        if task.rules.binary:
            frame, outline = _with_stability(frame, outline, pred != 0)
        scores.append(frame)
    return scores


def _with_stability(
    frame: FrameScores, before: Outline | None, mask: np.ndarray
) -> tuple[FrameScores, Outline | None]:
    after = describe(mask)
    return replace(frame, T=instability(before, after)), after


def _refuse_other_size(files: FrameFiles, gt: np.ndarray, pred: np.ndarray) -> None:
    if gt.shape != pred.shape:
        raise MaskError(
            f"{files.pred} is {pred.shape[1]} x {pred.shape[0]} pixels, its ground truth "
            f"{files.gt} {gt.shape[1]} x {gt.shape[0]}; they must be of one size"
        )


@contextmanager
def workers(
    jobs: int,
) -> Iterator[Callable[[Iterable[FrameTask]], Iterator[list[FrameScores]]]]:
    """Something that scores tasks, in this process or in `jobs` of them, and yields in order."""
    if jobs == 1:
        yield lambda tasks: map(score_task, tasks)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            yield lambda tasks: pool.map(score_task, tasks)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
