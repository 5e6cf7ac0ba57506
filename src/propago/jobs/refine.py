"""`propago refine`: anyone's masks of a video, sharpened along the edges of the picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from propago.components import REFINERS, load_component
from propago.errors import MaskError, SourceError
from propago.io.contrast import Contrast
from propago.io.formats import open_masks
from propago.io.manifest import ManifestEntry, read_manifest
from propago.io.mask_sequence import Readers, size_of
from propago.io.places import place_of
from propago.io.source import Source
from propago.io.video import open_source
from propago.refinement.labels import refined_labels
from propago.runs.many import ManyResults, run_many, shared_threads
from propago.runs.mask_sequence import Changed, refuse_other_size, write_sequence
from propago.runs.options import ManyOptions, Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.processor import at_most_threads
from propago.types import Refiner, SoftMasks

RUNS = Path("runs/refine")


@dataclass(frozen=True)
class RefineResult:
    """One refined sequence.

    Attributes:
        masks: the folder of sharper masks, named like those that came.
        scores: the folder of sharper scores; None where label maps came.
        frames: how many frames had masks.
    """

    masks: Path
    scores: Path | None
    frames: int

    @property
    def out(self) -> Path:
        """The output folder."""
        return self.masks.parent


def refine_masks(  # noqa: PLR0913 - the options of a verb
    frames: str | Path,
    masks: str | Path,
    *,
    scores: bool = False,
    out: str | Path | None = None,
    refiner: str | Refiner = "spn",
    contrast: Contrast | None = None,
    channel: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> RefineResult:
    """Sharpen the masks or scores of a video.

    Args:
        frames: a video file, a folder of frames, a glob pattern, a multi-page TIFF.
        masks: a folder of masks, or of scores (.npz, .npy), named by frame; or the folder that
            `segment` wrote, whose scores are taken if there are any. Frames without one are
            passed over.
        scores: the PNGs are scores, not label maps: grey, of 8 or 16 bits, FRAME.png of one object
            or ID/FRAME.png of each.
        out: gets masks/, and scores/ where scores came; runs/refine/<name of the source> if None.
        refiner: a name in `propago.components.REFINERS`, or a refiner.
        contrast: see `open_source`.
        channel: see `open_source`.
        overwrite: delete earlier results in `out`.
        progress: called as (frames done, frames in all, name of the source).

    Raises:
        WeightsError: no such weights.
        SourceError: frames or masks cannot be found, or no mask is named like a frame.
        MaskError: a mask is illegal or of another size than its frame.
        UsageError: `out` holds results, or is where the masks come from.
        OutputError: the results cannot be written.
    """
    folder = place_of(masks, "masks")
    source = open_source(frames, contrast=contrast, channel=channel)
    output = OutputFolder(out or RUNS / source.name)
    given = OutputFolder(folder)
    output.refuse([folder, given.masks, given.scores], overwrite=overwrite)
    readers = open_masks(folder, "soft-pictures" if scores else None).readers
    sharpen: Refiner = load_component(REFINERS, refiner, "refiner")
    output.clear()
    written = write_sequence(
        _refined(sharpen, source, folder, readers),
        output,
        len(readers),
        source.name,
        progress=progress,
    )
    if not written.frames:
        raise SourceError(
            f"no mask in {masks} is named like a frame of {frames}: masks are called "
            f"{next(iter(readers))} and so on; frames are named by their file, those of a video by "
            "their index in five digits"
        )
    source.say_notes()
    return RefineResult(output.masks, output.scores if written.soft else None, written.frames)


def refine_many(  # noqa: PLR0913 - the options of a verb
    videos: str | Path,
    masks: str | Path | None = None,
    *,
    scores: bool = False,
    out: str | Path | None = None,
    refiner: str | Refiner = "spn",
    contrast: Contrast | None = None,
    channel: int | None = None,
    threads: int | None = None,
    many: ManyOptions | None = None,
    overwrite: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
) -> ManyResults[RefineResult]:
    """Sharpen the masks or scores of many videos; one that fails does not stop the others.

    Args:
        videos: a folder of videos, or a text or CSV file; see `read_manifest`.
        masks: a folder that has those of each video, such as `segment_many` wrote; beside the
            videos if None.
        scores: as for `refine_masks`.
        out: holds one folder a video; runs/refine/<name of `videos`> if None.
        refiner: as for `refine_masks`.
        contrast: as for `refine_masks`.
        channel: as for `refine_masks`.
        threads: of the processor, in each process; their share of all of them if None.
        many: how the videos are shared out. One whose process is killed is begun again.
        overwrite: delete earlier results in `out`.
        resume: keep what the journals in `out` call done, whatever its options were.
        progress: called as (videos done, videos in all, "videos").

    Raises:
        SourceError: no list, or an empty one.
        UsageError: two videos of one name, no such shard, a refiner that there is not.
        WeightsError: no such weights.
        PropagoError: processes end before they begin.
    """
    many = many or ManyOptions()
    sharpen: Refiner = load_component(REFINERS, refiner, "refiner")
    how = {"scores": scores, "refiner": sharpen, "contrast": contrast, "channel": channel}
    return run_many(
        partial(_refine_entry, how, shared_threads(threads, many.jobs)),
        read_manifest(videos, masks),
        Path(out) if out else RUNS / Path(videos).resolve().stem,
        many,
        overwrite=overwrite,
        resume=resume,
        goes_on=False,
        progress=progress,
    )


def _refine_entry(
    how: dict[str, Any], threads: int | None, entry: ManifestEntry, output: OutputFolder, _: bool
) -> RefineResult:
    if entry.given is None:
        raise MaskError(f"no masks of {entry.source}: a folder {entry.name}, or name them")
    with at_most_threads(threads):
        return refine_masks(entry.source, entry.given, out=output.root, overwrite=True, **how)


def _refined(refiner: Refiner, source: Source, folder: Path, readers: Readers) -> Iterator[Changed]:
    """The sharper masks of every frame that has some."""
    for frame in source:
        read = readers.get(frame.name)
        if read is None:
            continue
        masks = read()
        refuse_other_size(
            f"{folder}: the mask", size_of(masks), f"its frame {frame.name}", frame.size
        )
        if isinstance(masks, SoftMasks):
            yield Changed(frame.name, refiner(frame, masks))
        else:
            yield Changed(frame.name, refined_labels(refiner, frame, masks))
