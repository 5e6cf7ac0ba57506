"""A table: a row for each object in each frame, with its place and area; for spreadsheets."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from propago.io.atomic import replacing
from propago.io.instances import InstanceSequence
from propago.io.rle import cropped

COLUMNS = (
    *("video", "frame", "name", "id", "class_id", "class", "score"),
    *("x0", "y0", "x1", "y1", "area_px", "centroid_x", "centroid_y"),
)
"""Of a table: `frame` counts from 0; pixel (0, 0) reaches from 0 to 1, x1 and y1 lie behind the
last; the centroid is the mean of the pixels' middles."""


def rows_of(video: InstanceSequence) -> Iterator[tuple[str | int | float, ...]]:
    """The rows of a video, of `COLUMNS`, in order of frames and ids."""
    for n, (name, frame) in enumerate(video):
        for one in frame.instances:
            left, top, mask = cropped(one.rle)
            rows, columns = np.nonzero(mask)
            height, width = mask.shape
            box = (left, top, left + width, top + height)
            centroid = (left + float(columns.mean()) + 0.5, top + float(rows.mean()) + 0.5)
            about = (one.id, one.class_id, video.class_name(one.class_id), one.score)
            yield (video.name, n, name, *about, *box, len(rows), *centroid)


def write_instances(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """The table as a CSV file, centroids to a hundredth of a pixel."""
    with replacing(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for video in videos:
            for *row, x, y in rows_of(video):
                table.writerow((*row, f"{x:.2f}", f"{y:.2f}"))
