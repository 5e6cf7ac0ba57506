"""The worst frames of an evaluation as pictures: truth, prediction, difference."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from propago.errors import SourceError
from propago.io.davis_layout import davis_frames, sequences_in
from propago.io.sequence_folders import FrameFiles
from propago.io.source import selection
from propago.io.stills import open_stills, stills_in
from propago.io.video import open_source
from propago.metrics.pairs import read_pair, renamed, without_void
from propago.metrics.protocols import PROTOCOLS
from propago.metrics.sequences import label_rules
from propago.ops.image import image_to_rgb
from propago.report.colours import colour_table
from propago.report.difference import draw_difference
from propago.report.overlay import draw_overlay
from propago.report.page import jpeg_uri
from propago.report.sections import Panel, Result, ShownFrame

FRAMES_A_SEQUENCE = 3
PANELS_IN_ALL = 240
"""So that a page stays far below 20 MB, however many sequences there are."""
PANEL_WIDTH_PX = 480
GREY = 96
"""The picture where none is given."""


def shown_frames(results: Sequence[Result], images: Path | None) -> list[ShownFrame]:
    """The worst frames, drawn.

    Args:
        results: measured on the same frames.
        images: a data set's root, a folder of sequences, the folder or video of the only
            sequence; None: masks are drawn on grey.

    Raises:
        SourceError: a picture is missing or unreadable.
    """
    worst = worst_frames(results)
    by_sequence: dict[str, list[tuple[str, float]]] = {}
    for sequence, name, score in worst:
        by_sequence.setdefault(sequence, []).append((name, score))
    shown = []
    for sequence, chosen in by_sequence.items():
        names = [name for name, _ in chosen]
        pictures = _pictures(images, sequence, names, len(results[0].identity.sequences) == 1)
        for name, score in chosen:
            panels = _panels(results, sequence, name, pictures.get(name))
            shown.append(ShownFrame(sequence, name, score, panels))
    return shown


def worst_frames(results: Sequence[Result]) -> list[tuple[str, str, float]]:
    """(sequence, frame, score) by sequence and frame; far enough apart to show different things.

    A frame's score is the mean of J and F over its objects, in the result that is worst there.
    Frames without a fault are left out.
    """
    found = []
    for sequence, identity in results[0].identity.sequences.items():
        scores = np.min([_scores_of_frames(r, sequence, identity.frames) for r in results], 0)
        apart, taken = max(1, len(scores) // 8), []
        for index in np.argsort(scores, kind="stable").tolist():
            enough = len(taken) == FRAMES_A_SEQUENCE or not scores[index] < 1
            if enough:
                break
            if all(abs(index - other) >= apart for other in taken):
                taken.append(index)
        found += [(sequence, index, float(scores[index])) for index in sorted(taken)]
    limit = PANELS_IN_ALL // (1 + 2 * len(results))
    kept = sorted(sorted(found, key=lambda row: row[2])[:limit])
    frames = {name: s.frames for name, s in results[0].identity.sequences.items()}
    return [(sequence, frames[sequence][index], score) for sequence, index, score in kept]


def _scores_of_frames(result: Result, sequence: str, frames: Sequence[str]) -> np.ndarray:
    """(T,) mean of J and F over the objects that count in a frame; NaN where none does."""
    index = {name: t for t, name in enumerate(frames)}
    totals, counts = np.zeros(len(frames)), np.zeros(len(frames))
    for (name, _), scores in result.objects.items():
        if name == sequence:
            places = [index[frame] for frame in scores.frames]
            totals[places] += (scores.values["J"] + scores.values["F"]) / 2
            counts[places] += 1
    return np.divide(totals, counts, out=np.full(len(frames), np.nan), where=counts > 0)


def _pictures(
    images: Path | None, sequence: str, names: Collection[str], alone: bool
) -> dict[str, np.ndarray]:
    """The pictures of some frames by name, (H, W, 3) uint8."""
    if images is None:
        return {}
    place = _place(images, sequence, alone)
    if place.is_dir():
        files = {path.stem: path for path in stills_in(place)}
        _refuse_gaps(names, files, place)
        source = open_stills([files[n] for n in names], sequence, place, selection(None, None, 1))
    else:
        source = open_source(place)
    found = {frame.name: image_to_rgb(frame.image) for frame in source if frame.name in names}
    _refuse_gaps(names, found, place)
    return found


def _place(images: Path, sequence: str, alone: bool) -> Path:
    """Where the pictures of a sequence are."""
    places = davis_frames(images, sequence), sequences_in(images) / sequence
    found = next((place for place in places if place.is_dir()), None)
    if found is None and not alone:
        raise SourceError(
            f"{images} has no pictures of the sequence {sequence}; `images` is a data set's root "
            "or a folder with one folder of pictures a sequence"
        )
    return found or images


def _refuse_gaps(names: Collection[str], found: Mapping[str, object], place: Path) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        raise SourceError(
            f"{place} has no picture of the frame {missing[0]}; pictures are named like the masks"
        )


def _panels(
    results: Sequence[Result], sequence: str, name: str, rgb: np.ndarray | None
) -> tuple[Panel, ...]:
    """Truth, then prediction and difference of each result."""
    panels, colours = [], colour_table()
    for result in results:
        gt, pred = _maps(result, sequence, name)
        if rgb is None:
            rgb = np.full((*gt.shape, 3), GREY, np.uint8)
        elif rgb.shape[:2] != gt.shape:
            rgb = cv2.resize(rgb, gt.shape[::-1], interpolation=cv2.INTER_AREA)
        if not panels:
            truth = draw_overlay(rgb, gt, palette=colours)
            panels.append(Panel("ground truth", jpeg_uri(truth, PANEL_WIDTH_PX)))
        drawn = draw_overlay(rgb, pred, palette=colours)
        panels.append(Panel(f"prediction {result.letter}".strip(), jpeg_uri(drawn, PANEL_WIDTH_PX)))
        errors = draw_difference(rgb, gt, pred)
        panels.append(
            Panel(f"difference {result.letter}".strip(), jpeg_uri(errors, PANEL_WIDTH_PX))
        )
    return tuple(panels)


def _maps(result: Result, sequence: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """True and predicted ids of a frame as they were compared; void is background in both."""
    evaluation = result.evaluation
    protocol = PROTOCOLS[evaluation.protocol]
    gt, pred = read_pair(_files(result, sequence, name))
    if protocol.assigned:
        own = [o for o in evaluation.objects if o.sequence == sequence]
        pred = renamed(pred, {o.proposal: o.id for o in own if o.proposal is not None})
    return without_void(gt, pred, label_rules(protocol, evaluation.settings["official"]))[:2]


def _files(result: Result, sequence: str, name: str) -> FrameFiles:
    frames = next(s.frames for s in result.evaluation.sequences if s.name == sequence)
    return next(frame for frame in frames if frame.name == name)
