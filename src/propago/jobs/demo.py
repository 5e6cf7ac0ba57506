"""`propago demo`: render a clip, segment it from its first mask, score it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from propago.data.scene import demo_scene
from propago.errors import UsageError
from propago.io.masks import read_mask, write_mask
from propago.io.pictures import write_picture
from propago.io.video import open_source
from propago.io.writer import VideoWriter
from propago.jobs.evaluate import evaluate
from propago.jobs.options import Progress, SegmentOptions
from propago.jobs.report import write_report
from propago.jobs.run_folder import RunFolder
from propago.jobs.run_segment import SegmentResult
from propago.jobs.segment import segment
from propago.metrics.evaluation import Evaluation
from propago.report.contact import contact_sheet
from propago.report.overlay import draw_overlay, image_to_rgb
from propago.types import Propagator

FPS = 15
SHEET_FRAMES = 9


@dataclass(frozen=True)
class DemoResult:
    """What the demo made.

    Attributes:
        segmented: the run.
        clip: the rendered video.
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
    size: tuple[int, int] = (480, 854),
    frames: int = 60,
    method: str | Propagator = "feelvos",
    options: SegmentOptions | None = None,
    progress: Progress | None = None,
) -> DemoResult:
    """Render three objects that cross and hide one another, and follow them.

    Args:
        out: the output folder; an earlier demo in it is replaced.
        size: (height, width) of the clip in pixels.
        frames: its length, at least 3.
        method: as for `segment`.
        options: as for `segment`.
        progress: as for `segment`.

    Raises:
        UsageError: the folder holds results of something else, or `frames` is below 3.
        OutputError: the files cannot be written.
    """
    if frames < 3:
        raise UsageError(f"frames is {frames}; the demo needs 3: its ends are not scored")
    folder, options = Path(out), options or SegmentOptions()
    clip, first_mask, truth = folder / "clip.mp4", folder / "first_mask.png", folder / "truth"
    options = replace(options, overwrite=options.overwrite or first_mask.exists())
    if not options.overwrite:
        RunFolder(folder).refuse_results()
    truth.mkdir(parents=True, exist_ok=True)
    for old in truth.glob("*.png"):
        old.unlink()
    rendered = _told(demo_scene(size, frames), frames, progress)
    with VideoWriter(clip, size, FPS) as video:
        for t, (image, labels) in enumerate(rendered):
            video.write(image)
            write_mask(truth / f"{t:05d}.png", labels)
            if t == 0:
                write_mask(first_mask, labels)
    result = segment(
        clip, first_mask, out=folder, method=method, options=options, progress=progress
    )
    contact = folder / "contact.png"
    write_picture(contact, _sheet(clip, result.masks, frames))
    scores = evaluate(result.masks, truth)
    report = write_report(folder / "report.html", scores, images=clip)
    return DemoResult(result, clip, first_mask, truth, contact, report, scores)


def _told(
    scene: Iterable[tuple[np.ndarray, np.ndarray]], frames: int, progress: Progress | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The scene, with progress told after each frame."""
    for done, pair in enumerate(scene, 1):
        yield pair
        if progress:
            progress(done, frames, "render")


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
