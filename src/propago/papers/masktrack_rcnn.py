"""The comparison of the MaskTrack R-CNN paper: track AP of ways to follow the same detections.

Source: Yang, Fan, Xu, "Video Instance Segmentation", ICCV 2019, YouTube-VIS 2019 val; the values of
the others as later papers print them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from propago.data.instance_sets import instances_of_davis
from propago.data.instances import UNKNOWN, InstanceStill
from propago.detections import Tracks
from propago.errors import SourceError
from propago.finetune.fine_tuning import FineTuneProgress
from propago.io.formats.youtube_vis import tracks_to_youtube_vis
from propago.io.rle import encode
from propago.metrics.track_files import read_tracks
from propago.metrics.tracks import TrackAveragePrecision
from propago.papers.figures import FigureCells, Figures, FigureTables
from propago.papers.held_out import detector_in_words, device_of, load_detector
from propago.papers.options import ReproduceOptions
from propago.papers.sequences import named_sources
from propago.report.paper_table import Line, PaperTable
from propago.tracking import Tracker
from propago.types import Frame

METHOD = "masktrack_rcnn"
TITLE = "MaskTrack R-CNN: track AP"
COLUMNS = ("AP", "AP50", "AP75", "AR1", "AR10")
WAYS: Mapping[str, dict[str, Any]] = {
    "masktrack": {"associator": "masktrack"},
    "iou": {"associator": "iou"},
    "carry": {"carry": "feelvos", "detect_every": 5},
}
ROWS = {
    "masktrack": ("MaskTrack R-CNN: associator masktrack", (0.303, 0.511, 0.326, 0.310, 0.355)),
    "iou": ("DeepSORT there, associator iou here", (0.261, 0.429, 0.261, 0.278, 0.313)),
    "carry": ("FEELVOS there, carry feelvos here", (0.269, 0.420, 0.297, 0.299, 0.334)),
}


Clips = Mapping[str, Sequence[InstanceStill]]
"""Frames by sequence."""


class MaskTrackTables(FigureTables):
    """1: track AP of three ways. The number is ours."""

    tables: ClassVar = {1: tuple(WAYS)}

    def __init__(self, options: ReproduceOptions, progress: FineTuneProgress | None = None):
        super().__init__(options, progress)
        self.detector = load_detector(METHOD, options, own=True)
        self.device = device_of(self.detector)

    def setup(self) -> dict[str, Any]:
        """What decides the cells."""
        chosen = list(self.options.sequences) or self.options.set
        return {**self.detector.description, "sequences": chosen}

    def parts(self, data: Path) -> Mapping[str, Clips]:
        """One part: all sequences of a DAVIS root whose objects have classes."""
        return {"all": clips_of(data, self.options)}

    def figures(self, row: str, part: Clips) -> Figures:
        """Track AP over all sequences."""
        videos, truth, found = [], [], []
        for number, stills in enumerate(part.values(), 1):
            tracker = Tracker(self.detector, **WAYS[row])
            frames, ids = zip(*map(_read, range(len(stills)), stills), strict=True)
            results = {frame.name: tracker.step(frame).detections for frame in frames}
            size = frames[0].size
            found += tracks_to_youtube_vis(Tracks(results, size), number)
            truth += _truth(number, stills, ids)
            videos.append({"id": number, "height": size[0], "width": size[1], "length": len(ids)})
        return _track_precision(videos, truth, found)

    def made_of(self, table: int, cells: FigureCells) -> PaperTable:
        """A row for each way."""
        lines = [
            Line(ROWS[row][0], tuple(own["all"][name] for name in COLUMNS), ROWS[row][1])
            for row, own in cells.items()
        ]
        notes = (
            "The paper: YouTube-VIS 2019 val, 302 videos, 40 classes, ResNet-50 at 640x360, "
            "trained on 2,238 videos. That benchmark has closed; ours: the objects of DAVIS "
            "sequences that have a class of COCO. Other things in them are not annotated: "
            "precision suffers.",
            f"Ours: {detector_in_words(self.detector)}.",
            "All ways follow the same detections; the paper's FEELVOS carries those of the first "
            "frame, here every fifth frame corrects it. DeepSORT compares boxes and appearance, "
            "`iou` masks and motion.",
        )
        return PaperTable(TITLE, COLUMNS, tuple(lines), notes)


def clips_of(data: Path, options: ReproduceOptions) -> Clips:
    """The sequences of a DAVIS root that show objects with a class.

    Raises:
        SourceError: no DAVIS root with classes.json, or no such object.
        UsageError: no such sequence.
    """
    clips: dict[str, list[InstanceStill]] = {}
    wanted = {source.name for source in named_sources(data, options)}
    for still in instances_of_davis(data, "" if options.sequences else options.set):
        if still.sequence in wanted:
            clips.setdefault(still.sequence, []).append(still)
    if not clips:
        raise SourceError(f"{data / 'classes.json'} names no class in {', '.join(sorted(wanted))}")
    return {name: stills[: options.end : options.every] for name, stills in clips.items()}


def _read(place: int, still: InstanceStill) -> tuple[Frame, np.ndarray]:
    image, ids = still.read()
    picture = torch.from_numpy(image).permute(2, 0, 1).float() / 255
    return Frame(picture, place, still.image.stem), ids


def _truth(
    video: int, stills: Sequence[InstanceStill], ids: Sequence[np.ndarray]
) -> list[dict[str, Any]]:
    """The annotations of one video."""
    there = sorted({int(i) for one in ids for i in np.unique(one)} - {0, UNKNOWN})
    masks = [encode(np.stack([one == i for i in there])) for one in ids]
    return [
        {
            "id": 1000 * video + i,
            "video_id": video,
            "category_id": stills[0].class_of(i),
            "segmentations": [frame[n] for frame in masks],
        }
        for n, i in enumerate(there)
    ]


def _track_precision(
    videos: Sequence[Any], truth: Sequence[Any], found: Sequence[Mapping[str, Any]]
) -> Figures:
    """Over the classes of the truth; tracks of others are left out, as by YouTube-VIS."""
    classes = sorted({one["category_id"] for one in truth})
    gt = {"videos": videos, "categories": [{"id": c} for c in classes], "annotations": truth}
    metric = TrackAveragePrecision()
    for pair in read_tracks(gt, [one for one in found if one["category_id"] in classes]):
        metric.update(pair)
    return metric.compute()
