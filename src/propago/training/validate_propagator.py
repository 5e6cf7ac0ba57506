"""How good a method is on real sequences while its network trains."""

from itertools import islice
from pathlib import Path

import numpy as np

from propago.io.davis import open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.masks import read_mask
from propago.io.source import Source
from propago.metrics.davis import region_similarity
from propago.ops.image import image_to_rgb
from propago.pipeline import Segmented, segment_frames
from propago.report.overlay import draw_overlay
from propago.training.validation import ValidationResult, by_sequence
from propago.types import Annotation, Propagator


def validate_propagator(
    method: Propagator, root: Path, set_name: str, frames: int
) -> ValidationResult:
    """Segment the first `frames` frames of each sequence of a DAVIS set from its first mask.

    J is the mean over objects, first and last frame left out.
    """
    objects: list[float] = []
    means: dict[str, float] = {}
    pictures = []
    for source in open_davis(root, Path(set_name)):
        overlaps, last = _follow(method, source, davis_annotations(root, source.name), frames)
        objects.extend(overlaps)
        means[source.name] = float(overlaps.mean())
        rgb = image_to_rgb(last.frame.image)
        pictures.append(draw_overlay(rgb, last.labels)[::2, ::2])
    what = f"J on the first {frames} frames of the `{set_name}` sequences"
    return by_sequence(what, float(np.mean(objects)), means, pictures)


def _follow(
    method: Propagator, source: Source, annotations: Path, frames: int
) -> tuple[np.ndarray, Segmented]:
    """Mean J of each object of the first mask, and the last result."""

    def read(name: str) -> np.ndarray:
        return read_mask(annotations / f"{name}.png", may_be_empty=True).labels

    first = next(iter(source))
    given = Annotation(read(first.name))
    overlaps = []
    for result in segment_frames(islice(source, frames), {first.index: given}, method):
        overlaps.append(region_similarity(read(result.frame.name), result.labels, given.ids))
        last = result
    return np.mean(overlaps[1:-1], axis=0), last
