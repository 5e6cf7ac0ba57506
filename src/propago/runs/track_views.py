"""What a run of `track` shows: an overlay video with ids, classes and trails, and a page."""

# ruff: noqa: D102 -- what is overridden is described in `Writer`

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

import numpy as np

from propago.io.atomic import replacing
from propago.io.source import Source
from propago.ops.image import image_to_rgb
from propago.report.thumbnails import thumbnails
from propago.report.track_overlay import ShownInstance, TrackDrawing
from propago.report.track_page import summaries, track_page
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.track_writers import TrackedFrame, frame_names, instances_of, read_instances
from propago.runs.writers import OverlayWriter, Writer
from propago.types import Frame

Shown = Callable[[int], list[ShownInstance]]
"""The instances of the frame with an index; frames are asked for in order of time."""


class TrackOverlayWriter(OverlayWriter):
    """overlay.mp4: masks, ids, classes, and where each instance was in the frames before."""

    def __init__(self, source: Source, class_names: Mapping[int, str]) -> None:
        """`source` has the frames; `class_names` those of class ids."""
        super().__init__(source)
        self._class_names = class_names

    def open(self, output: OutputFolder, after: int | None) -> None:
        super().open(output, after)
        self._drawing = TrackDrawing()

    def write(self, result: TrackedFrame) -> None:
        lines = [line for _, line in instances_of(result, self._class_names)]
        self._shown: Shown = lambda _: [self._instance(line) for line in lines]
        super().write(result)

    def complete(self, output: OutputFolder, frames: int, progress: Progress | None) -> None:
        if not output.overlay.exists():
            self._drawing, self._shown = TrackDrawing(), self._by_frame(output)
        super().complete(output, frames, progress)

    def drawn(self, frame: Frame, labels: np.ndarray) -> np.ndarray:
        shown = self._shown(frame.index)
        return self._drawing.draw(image_to_rgb(frame.image), labels, shown)

    def _instance(self, line: Mapping[str, Any]) -> ShownInstance:
        """Its caption names the class where there are several."""
        x0, y0, x1, y1 = line["box"]
        x, y = line["centroid"]
        caption = f"{line['id']}" + f" {line['class']}" * (len(self._class_names) != 1)
        return ShownInstance(line["id"], caption, (x0, y0, x1, y1), (x, y))

    def _by_frame(self, output: OutputFolder) -> Shown:
        """Those of a run's lines, of which those of one frame are in memory."""
        groups = groupby(read_instances(output), key=lambda line: line["index"])
        ahead: dict[int, list[ShownInstance]] = {}

        def shown(index: int) -> list[ShownInstance]:
            if not ahead and (group := next(groups, None)):
                ahead[group[0]] = [self._instance(line) for line in group[1]]
            return ahead.pop(index, [])

        return shown


class TrackPageWriter(Writer[TrackedFrame]):
    """report.html: how many tracks of each class, when each was there, what it looks like."""

    def __init__(self, source: Source, facts: Mapping[str, str]) -> None:
        """`source` is what was tracked; `facts` are said of the run, by what they are called."""
        self._source, self._facts = source, facts

    def open(self, output: OutputFolder, after: int | None) -> None:
        output.report.unlink(missing_ok=True)

    def complete(self, output: OutputFolder, frames: int, progress: Progress | None) -> None:
        if output.report.exists():
            return
        names = frame_names(output)
        tracks = summaries(read_instances(output), names)
        with replacing(output.report) as unfinished:
            pictures = thumbnails(tracks, self._source.frames)
            page = track_page(self._source.name, tracks, names, self._facts, pictures)
            unfinished.write_text(page, "utf-8")
