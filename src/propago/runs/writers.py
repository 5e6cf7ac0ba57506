"""What a run writes: one writer a kind of file. Each gets every result in turn."""

# ruff: noqa: D102 -- what is overridden is described in `Writer`

from collections.abc import Mapping
from dataclasses import asdict
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from propago.errors import MaskError, OutputError
from propago.io.masks import read_labels, write_mask
from propago.io.pace import STILLS_FPS
from propago.io.soft_masks import write_soft_masks
from propago.io.source import Source
from propago.io.writer import VideoWriter
from propago.ops.image import image_to_rgb
from propago.pipeline import Checkpoint, ObjectInFrame, Segmented
from propago.report.overlay import draw_ids, draw_overlay
from propago.runs.background import Prefetcher
from propago.runs.journal import LineLog
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.types import VOID, Frame


class Result(Protocol):
    """One frame's result, of any loop: what every run needs of it."""

    @property
    def frame(self) -> Frame:
        """The frame."""
        ...

    @property
    def labels(self) -> np.ndarray:
        """(H, W) label map of the frame's size."""
        ...

    @property
    def objects(self) -> Mapping[int, ObjectInFrame]:
        """What the frame shows of each object, by its id."""
        ...

    @property
    def checkpoint(self) -> Checkpoint:
        """Where the loop stands after this frame."""
        ...


Written = TypeVar("Written", bound=Result, contravariant=True)


class Writer(Generic[Written]):
    """Writes one kind of file of a run. Inherit from it and override what is needed."""

    def open(self, output: OutputFolder, after: int | None) -> None:
        """Be ready for the results that come behind frame `after`; None: for all.

        Raises:
            OutputError: nothing can be written.
        """

    def write(self, result: Written) -> None:
        """Write what belongs to one frame.

        Raises:
            OutputError: it cannot be written.
        """

    def sync(self) -> None:
        """Wait until the disk has everything: a checkpoint is to follow."""

    def close(self, *, failed: bool) -> None:
        """Finish the files, or leave no half one behind where the run failed."""

    def complete(self, output: OutputFolder, frames: int, progress: Progress | None) -> None:
        """Make what could not be written along: the run has `frames` whole frames."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(failed=kind is not None)


class MaskWriter(Writer[Result]):
    """masks/FRAME.png: indexed label maps, of 16 bits in every frame where an id exceeds 254."""

    def __init__(self, ids: tuple[int, ...] | None) -> None:
        """`ids` are all that can come; None: nobody knows, and each frame has the bits it needs."""
        self._dtype = np.uint16 if max(ids or (), default=0) >= VOID else np.uint8
        self._known = ids is not None

    def open(self, output: OutputFolder, after: int | None) -> None:
        self._folder = output.masks
        output.make(output.masks)

    def write(self, result: Result) -> None:
        labels = result.labels
        labels = labels.astype(self._dtype, copy=False) if self._known else labels
        write_mask(self._folder / f"{result.frame.name}.png", labels)


class SoftMaskWriter(Writer[Segmented]):
    """scores/FRAME.npz: the probabilities of every object as float16."""

    def open(self, output: OutputFolder, after: int | None) -> None:
        self._folder = output.scores
        output.make(output.scores)

    def write(self, result: Segmented) -> None:
        write_soft_masks(self._folder / f"{result.frame.name}.npz", result.masks)


class EventWriter(Writer[Segmented]):
    """clean.jsonl: a line for each thing that the cleaner did."""

    def open(self, output: OutputFolder, after: int | None) -> None:
        self._log = LineLog(output.events, after)

    def write(self, result: Segmented) -> None:
        at = {"index": result.frame.index, "name": result.frame.name}
        self._log.append(*({**at, **asdict(event)} for event in result.events))

    def sync(self) -> None:
        self._log.sync()

    def close(self, *, failed: bool) -> None:
        self._log.close()


class OverlayWriter(Writer[Result]):
    """overlay.mp4: masks and ids in the frames, and sound; resumed, made when it is whole."""

    def __init__(self, source: Source) -> None:
        """`source` has the frames, and their rate."""
        self._source = source
        self._video: VideoWriter | None = None

    def open(self, output: OutputFolder, after: int | None) -> None:
        if after is None:
            self._video = self._opened(output)
        else:
            output.overlay.unlink(missing_ok=True)

    def write(self, result: Result) -> None:
        if self._video:
            self._append(self._video, result.frame, result.labels)

    def close(self, *, failed: bool) -> None:
        if self._video and failed:
            self._video.abort()
        elif self._video:
            self._video.close()

    def complete(self, output: OutputFolder, frames: int, progress: Progress | None) -> None:
        if output.overlay.exists():
            return
        with Prefetcher(self._source.frames()) as ahead, self._opened(output) as video:
            for done, frame in zip(range(1, frames + 1), ahead, strict=False):
                try:
                    labels = read_labels(output.masks / f"{frame.name}.png")
                except MaskError as error:
                    raise OutputError(f"the overlay cannot be rendered: {error}") from error
                self._append(video, frame, labels)
                if progress:
                    progress(done, frames, "overlay")

    def drawn(self, frame: Frame, labels: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8: what the video shows of a frame; frames come in order of time."""
        return draw_ids(draw_overlay(image_to_rgb(frame.image), labels), labels)

    def _append(self, video: VideoWriter, frame: Frame, labels: np.ndarray) -> None:
        video.write(self.drawn(frame, labels), frame.time_s if self._source.fps else None)

    def _opened(self, output: OutputFolder) -> VideoWriter:
        source = self._source
        fps = source.fps or STILLS_FPS
        sound = source.path if source.path.is_file() else None
        return VideoWriter(output.overlay, source.size, fps, source.pixel_aspect, sound)
