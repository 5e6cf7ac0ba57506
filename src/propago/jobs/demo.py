"""`propago demo`: segment the clip in the package from its first mask, score it."""

from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from shutil import copyfile

import numpy as np

from propago.errors import UsageError
from propago.io.atomic import make_folder, replacing
from propago.io.masks import read_mask, write_mask
from propago.io.pictures import write_picture
from propago.io.video import open_source
from propago.jobs.evaluate import evaluate
from propago.jobs.options import SegmentOptions
from propago.jobs.report import write_report
from propago.jobs.segment import SegmentResult, segment
from propago.metrics.evaluation import Evaluation
from propago.ops.image import image_to_rgb
from propago.report.contact import contact_sheet
from propago.report.overlay import draw_overlay
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.types import Propagator

DEMO_CLIP = Path(str(files("propago"))) / "demo_clip"
"""Where the clip in the package lives, with its true masks and its card."""

SHEET_FRAMES = 9


@dataclass(frozen=True)
class DemoResult:
    """What the demo made.

    Attributes:
        segmented: the run.
        clip: a copy of the clip in the package.
        first_mask: of its first frame.
        truth: the folder of true masks.
        contact: a sheet of frames with the masks found.
        report: the page that explains the scores.
        scores: by the protocol of DAVIS 2017.
    """

    segmented: SegmentResult
    clip: Path
    first_mask: Path
    truth: Path
    contact: Path
    report: Path
    scores: Evaluation


def demo(
    out: str | Path = "runs/demo",
    *,
    frames: int | None = None,
    method: str | Propagator = "feelvos",
    options: SegmentOptions | None = None,
    progress: Progress | None = None,
) -> DemoResult:
    """Follow three objects that cross and hide one another through the clip in the package.

    Args:
        out: the output folder; an earlier demo in it is replaced.
        frames: how many of its first frames, at least 3; all of them if None.
        method: as for `segment`.
        options: as for `segment`.
        progress: as for `segment`.

    Raises:
        UsageError: the folder holds results of something else, or `frames` is not legal.
        OutputError: the files cannot be written.
    """
    labels = demo_truth()
    if frames is not None and not 3 <= frames <= len(labels):
        raise UsageError(
            f"`frames` is {frames}; the demo needs 3 to {len(labels)}: the first and the last "
            "frame are not scored, and the clip has no more"
        )
    folder, options = Path(out), options or SegmentOptions()
    clip, first_mask, truth = folder / "clip.mp4", folder / "first_mask.png", folder / "truth"
    options = replace(options, end=frames, overwrite=options.overwrite or first_mask.exists())
    OutputFolder(folder).refuse(overwrite=options.overwrite)
    make_folder(truth)
    for old in truth.glob("*.png"):
        old.unlink()
    with replacing(clip) as unfinished:
        copyfile(DEMO_CLIP / "clip.mp4", unfinished)
    write_mask(first_mask, labels[0])
    for t, true in enumerate(labels[:frames]):
        write_mask(truth / f"{t:05d}.png", true)
    result = segment(
        clip, first_mask, out=folder, method=method, options=options, progress=progress
    )
    contact = folder / "contact.png"
    write_picture(contact, _sheet(clip, result.masks, result.frames))
    scores = evaluate(result.masks, truth)
    report = write_report(folder / "report.html", scores, images=clip)
    return DemoResult(result, clip, first_mask, truth, contact, report, scores)


def demo_truth() -> np.ndarray:
    """(T, H, W) uint8 true labels of the clip: 0 background, 1 ball, 2 van, 3 parrot."""
    with np.load(DEMO_CLIP / "truth.npz") as file:
        return file["labels"]


def _sheet(clip: Path, masks: Path, frames: int) -> np.ndarray:
    """Frames evenly spread over the clip, with their masks."""
    wanted = {round(t) for t in np.linspace(0, frames - 1, min(SHEET_FRAMES, frames))}
    shown = [frame for frame in open_source(clip) if frame.index in wanted]
    pictures = [
        draw_overlay(
            image_to_rgb(frame.image),
            read_mask(masks / f"{frame.name}.png", may_be_empty=True).labels,
        )
        for frame in shown
    ]
    captions = [f"frame {frame.index}" + (" (given)" * (frame.index == 0)) for frame in shown]
    return contact_sheet(pictures, captions)
