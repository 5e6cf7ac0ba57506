"""`propago clean` of many videos: one that fails does not stop the others."""

from dataclasses import dataclass
from pathlib import Path

from propago.io.sequence_folders import find_folders
from propago.io.soft_masks import soft_masks_in
from propago.jobs.clean import RUNS, CleanResult, clean
from propago.jobs.manifest import ManifestEntry
from propago.jobs.many import ManyResults, run_many, shared_threads
from propago.jobs.options import ManyOptions
from propago.refinement.craf.settings import CrafSettings
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.processor import at_most_threads


def holds_several(masks: str | Path) -> bool:
    """Whether it is a folder of folders of masks, one a video.

    Raises:
        SourceError: no folder, or no masks in it.
    """
    folder = Path(masks)
    return not soft_masks_in(folder) and not find_folders(folder).single


def clean_many(  # noqa: PLR0913 - the options of a verb
    masks: str | Path,
    *,
    out: str | Path | None = None,
    settings: CrafSettings | None = None,
    threads: int | None = None,
    jobs: int = 1,
    shard: str | None = None,
    cluster: str | None = None,
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
        jobs: videos at a time, each in a process of its own.
        shard: "i/n": every n-th video from the i-th on, for n machines that share `out`.
        cluster: the processes are of a Ray cluster: "local", "ray" or "ray://HOST:PORT", whose
            machines share all folders; the video of one that is killed is begun again by another.
        overwrite: delete earlier results in `out`.
        resume: keep what the journals in `out` call done, whatever its settings were.
        progress: called as (videos done, videos in all, "videos").

    Raises:
        SourceError: no folder, or no masks in it.
        UsageError: no such shard, or a folder of `out` holds results.
        PropagoError: processes end before they begin.
    """
    folder = Path(masks)
    return run_many(
        _OneCleaned(settings, shared_threads(threads, jobs)),
        [ManifestEntry(name, own, own) for name, own in find_folders(folder).sequences.items()],
        Path(out) if out else RUNS / folder.resolve().name,
        ManyOptions(jobs=jobs, shard=shard, cluster=cluster),
        overwrite=overwrite,
        resume=resume,
        goes_on=False,
        progress=progress,
    )


@dataclass(frozen=True)
class _OneCleaned:
    settings: CrafSettings | None
    threads: int | None

    def __call__(self, entry: ManifestEntry, output: OutputFolder) -> CleanResult:
        with at_most_threads(self.threads):
            (result,) = clean(entry.source, out=output.root, settings=self.settings, overwrite=True)
        return result
