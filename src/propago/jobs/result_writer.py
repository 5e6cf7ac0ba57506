"""Puts one frame's results after the other into a run folder."""

from contextlib import ExitStack
from dataclasses import asdict
from fractions import Fraction

import cv2
import numpy as np

from propago.errors import MaskError, OutputError
from propago.io.checkpoint import save_state
from propago.io.masks import read_mask, write_mask
from propago.io.soft_masks import write_soft_masks
from propago.io.source import Source
from propago.io.writer import VideoWriter
from propago.jobs.frame_log import FrameLog
from propago.jobs.line_log import LineLog
from propago.jobs.options import Progress
from propago.jobs.run_folder import RunFolder
from propago.jobs.stages import Prefetcher
from propago.ops.image import image_to_rgb
from propago.pipeline import Checkpoint, Segmented
from propago.report.overlay import draw_overlay
from propago.types import VOID, SoftMasks

CHECKPOINT_EVERY_FRAMES = 50
STILLS_FPS = 24
"""The overlay's rate where the source has none."""


class ResultWriter:
    """Writes masks, overlay, scores, the logs and checkpoints, in this order for each frame.

    A checkpoint is written after everything of its frame and the frames before, so that a run
    killed at any moment goes on from it without a gap.
    """

    def __init__(
        self,
        folder: RunFolder,
        log: FrameLog,
        *,
        wide: bool,
        overlay: VideoWriter | None,
        scores: bool,
        clean_log: LineLog | None = None,
    ) -> None:
        """Nothing is written yet.

        Args:
            folder: where to.
            log: the frame log, at the frame before the first one to come.
            wide: whether masks are uint16 because an id exceeds 254.
            overlay: the open video, None without one.
            scores: whether to write the probabilities.
            clean_log: gets what the cleaner did, at the frame that `log` is at; None without one.
        """
        self._folder, self._log, self._overlay, self._scores = folder, log, overlay, scores
        self._clean_log = clean_log
        self._dtype = np.uint16 if wide else np.uint8
        self._last: Checkpoint | None = None

    def write(self, result: Segmented, seconds: float) -> None:
        """Write what belongs to one frame.

        Args:
            result: of the frame.
            seconds: how long it took to come.

        Raises:
            OutputError: the disk is full.
        """
        frame, labels = result.frame, result.labels.astype(self._dtype, copy=False)
        write_mask(self._folder.mask(frame.name), labels)
        if self._overlay:
            drawn = draw_overlay(image_to_rgb(frame.image), labels)
            self._overlay.write(drawn, frame.time_s)
        if self._scores:
            write_soft_masks(self._folder.scores / f"{frame.name}.npz", result.masks)
        if self._clean_log:
            at = {"index": frame.index, "name": frame.name}
            self._clean_log.append(*({**at, **asdict(event)} for event in result.events))
        self._log.append(
            {
                "index": frame.index,
                "name": frame.name,
                "time_s": frame.time_s,
                "objects": areas_and_scores(result.masks, labels),
                "seconds": round(seconds, 4),
            }
        )
        self._last = result.checkpoint
        if self._log.count % CHECKPOINT_EVERY_FRAMES == 0:
            self.save_checkpoint()

    def save_checkpoint(self) -> None:
        """Save where the run stands after the last frame written.

        Raises:
            OutputError: the disk is full.
        """
        if self._last:
            for log in filter(None, (self._log, self._clean_log)):
                log.sync()
            save_state(self._folder.checkpoint, self._last)


def areas_and_scores(scores: SoftMasks, labels: np.ndarray) -> dict[str, dict[str, float]]:
    """For each id its area in pixels and its mean probability there (0 where it is absent)."""
    found = {}
    for i, probabilities in zip(scores.ids, scores.probabilities, strict=True):
        mask = (labels == i).view(np.uint8)
        mean = cv2.mean(probabilities.numpy(force=True), mask)[0]
        found[str(i)] = {"area": cv2.countNonZero(mask), "score": round(mean, 4)}
    return found


def is_wide(ids: tuple[int, ...]) -> bool:
    """Whether label maps of these ids need 16 bits."""
    return max(ids, default=0) >= VOID


def open_overlay(folder: RunFolder, source: Source) -> VideoWriter:
    """The overlay video of a source, at its rate.

    Raises:
        OutputError: it cannot be written.
    """
    return VideoWriter(folder.overlay, source.size, source.fps or Fraction(STILLS_FPS))


def render_overlay(
    folder: RunFolder, source: Source, frames: int, progress: Progress | None = None
) -> None:
    """Make the overlay anew from the masks that lie in the folder.

    Args:
        folder: holds the masks.
        source: the frames they belong to.
        frames: how many of them have masks.
        progress: is told.

    Raises:
        OutputError: a mask is missing or damaged, or the video cannot be written.
    """
    with ExitStack() as stack:
        ahead = stack.enter_context(Prefetcher(source.frames()))
        video = stack.enter_context(open_overlay(folder, source))
        for done, frame in zip(range(1, frames + 1), ahead, strict=False):
            try:
                labels = read_mask(folder.mask(frame.name), may_be_empty=True).labels
            except MaskError as error:
                raise OutputError(f"the overlay cannot be rendered: {error}") from error
            video.write(draw_overlay(image_to_rgb(frame.image), labels), frame.time_s)
            if progress:
                progress(done, frames, "overlay")
