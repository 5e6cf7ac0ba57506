"""`propago clean`: anyone's masks of a video, made consistent from frame to frame."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from propago.errors import PropagoWarning, UsageError
from propago.io.formats import open_masks
from propago.io.manifest import ManifestEntry
from propago.io.mask_sequence import Readers, size_of
from propago.io.places import place_of
from propago.io.sequence_folders import find_folders
from propago.io.soft_masks import soft_masks_in
from propago.refinement.craf.run import Craf
from propago.refinement.craf.settings import CrafSettings
from propago.runs.many import ManyResults, run_many, shared_threads
from propago.runs.mask_sequence import Changed, refuse_other_size, write_sequence
from propago.runs.options import ManyOptions, Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.processor import at_most_threads
from propago.types import SoftMasks

RUNS = Path("runs/clean")


@dataclass(frozen=True)
class CleanResult:
    """One cleaned sequence.

    Attributes:
        name: of the sequence.
        masks: the folder of cleaned masks, named like those that came.
        scores: the folder of cleaned scores; None where label maps came.
        log: JSON lines, one for each thing that was done.
        frames: how many masks.
        pixels: by "removed", "adopted" and "filled", how many pixels in all.
    """

    name: str
    masks: Path
    scores: Path | None
    log: Path
    frames: int
    pixels: dict[str, int]

    @property
    def out(self) -> Path:
        """The output folder."""
        return self.masks.parent


def clean(
    masks: str | Path,
    *,
    scores: bool = False,
    out: str | Path | None = None,
    settings: CrafSettings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> CleanResult:
    """Clean the masks of a video with the connected-region-aware filter.

    The first mask of a video is taken for the truth. Void stays void.

    Args:
        masks: a folder of masks in the order of their names, one a frame, or of scores (.npz,
            .npy); or a folder that `segment` wrote, whose scores are taken if there are any.
        scores: the PNGs are scores, not label maps: grey, of 8 or 16 bits, FRAME.png of one object
            or ID/FRAME.png of each.
        out: gets masks/ and clean.jsonl, and scores/ where scores came; runs/clean/<name of the
            folder> if None.
        settings: what is kept.
        overwrite: delete earlier results in `out`.
        progress: called as (masks done, masks in all, name of the video).

    Raises:
        SourceError: no folder, or no masks in it.
        MaskError: a mask is illegal, or of another size than the first.
        UsageError: `out` holds results or lies among the masks, or these are of several videos.
        OutputError: the results cannot be written.
    """
    folder = place_of(masks, "masks")
    name, place, readers = _one_video(folder, scores)
    output = OutputFolder(out or RUNS / folder.resolve().name)
    output.refuse([folder, place], overwrite=overwrite)
    output.clear()
    written = write_sequence(
        _cleaned(Craf(settings), name, readers),
        output,
        len(readers),
        name,
        events=True,
        progress=progress,
    )
    return CleanResult(
        name,
        output.masks,
        output.scores if written.soft else None,
        output.events,
        written.frames,
        written.pixels,
    )


def _one_video(folder: Path, scores: bool) -> tuple[str, Path, Readers]:
    """The name of the video, the folder its masks lie in, and what reads each."""
    if soft := open_masks(folder, "soft-pictures").readers if scores else soft_masks_in(folder):
        return folder.resolve().name, OutputFolder(folder).scores, soft
    found = find_folders(folder)
    if not found.single:
        raise UsageError(
            f"{folder} holds the masks of {len(found.sequences)} videos; take `clean_many`, or the "
            "folder of one"
        )
    ((name, own),) = found.sequences.items()
    return name, own, open_masks(own, "label-maps").readers


def clean_many(
    masks: str | Path,
    *,
    out: str | Path | None = None,
    settings: CrafSettings | None = None,
    threads: int | None = None,
    many: ManyOptions | None = None,
    overwrite: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
) -> ManyResults[CleanResult]:
    """Clean the masks of many videos; one that fails does not stop the others.

    Args:
        masks: a folder of folders, one a video, such as `segment_many` wrote.
        out: holds one folder a video; runs/clean/<name of `masks`> if None.
        settings: as for `clean`.
        threads: of the processor, in each process; their share of all of them if None.
        many: how the videos are shared out. One whose process is killed is begun again.
        overwrite: delete earlier results in `out`.
        resume: keep what the journals in `out` call done, whatever its settings were.
        progress: called as (videos done, videos in all, "videos").

    Raises:
        SourceError: no folder, or no masks in it.
        UsageError: no such shard, or a folder of `out` holds results.
        PropagoError: processes end before they begin.
    """
    folder, many = place_of(masks, "masks"), many or ManyOptions()
    return run_many(
        partial(_clean_entry, settings, shared_threads(threads, many.jobs)),
        [ManifestEntry(name, own, own) for name, own in find_folders(folder).sequences.items()],
        Path(out) if out else RUNS / folder.resolve().name,
        many,
        overwrite=overwrite,
        resume=resume,
        goes_on=False,
        progress=progress,
    )


def holds_several(masks: str | Path) -> bool:
    """Whether it is a folder of folders of masks, one a video.

    Raises:
        SourceError: no folder, or no masks in it.
    """
    folder = Path(masks)
    return not soft_masks_in(folder) and not find_folders(folder).single


def _clean_entry(
    settings: CrafSettings | None,
    threads: int | None,
    entry: ManifestEntry,
    output: OutputFolder,
    _: bool,
) -> CleanResult:
    with at_most_threads(threads):
        return clean(entry.source, out=output.root, settings=settings, overwrite=True)


def _cleaned(craf: Craf, name: str, readers: Readers) -> Iterator[Changed]:
    """The cleaned label maps or soft masks of one video, frame by frame."""
    state, size = craf.begin(), None
    adopted: list[str] = []
    for frame, read in readers.items():
        masks = read()
        size = size or size_of(masks)
        refuse_other_size(
            f"{name}: what came for frame {frame}", size_of(masks), "the masks before are", size
        )
        if isinstance(masks, SoftMasks):
            masks, events = craf.filter(state, masks)
            state = craf.update(state, masks)
        else:
            masks, state, events = craf.clean_labels(state, masks)
        adopted += [
            f"frame {frame}: object {event.id}, {event.area_px} px {event.why}"
            for event in events
            if event.what == "adopted"
        ]
        yield Changed(frame, masks, events)
    if adopted:
        more = f"; and {len(adopted) - 3} more" if len(adopted) > 3 else ""
        warnings.warn(
            f"{name}: whole regions changed their object, {'; '.join(adopted[:3])}{more}. Where "
            "the ids were right, `delta` 1 leaves that out",
            PropagoWarning,
            stacklevel=2,
        )
