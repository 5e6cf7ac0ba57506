"""`propago refine` of many videos: one that fails does not stop the others."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from propago.components import REFINERS, load_component
from propago.errors import MaskError
from propago.io.contrast import Contrast
from propago.jobs.manifest import ManifestEntry, read_manifest
from propago.jobs.many import ManyResults, run_many, shared_threads
from propago.jobs.options import ManyOptions
from propago.jobs.refine import RUNS, RefineResult, refine_masks
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.processor import at_most_threads
from propago.types import Refiner


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
    jobs: int = 1,
    shard: str | None = None,
    cluster: str | None = None,
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
        jobs: videos at a time, each in a process of its own.
        shard: "i/n": every n-th video from the i-th on, for n machines that share `out`.
        cluster: the processes are of a Ray cluster: "local", "ray" or "ray://HOST:PORT", whose
            machines share all folders; the video of one that is killed is begun again by another.
        overwrite: delete earlier results in `out`.
        resume: keep what the journals in `out` call done, whatever its options were.
        progress: called as (videos done, videos in all, "videos").

    Raises:
        SourceError: no list, or an empty one.
        UsageError: two videos of one name, no such shard, a refiner that there is not.
        WeightsError: no such weights.
        PropagoError: processes end before they begin.
    """
    how = {"scores": scores, "contrast": contrast, "channel": channel}
    sharpen: Refiner = load_component(REFINERS, refiner, "`refiner`")
    return run_many(
        _OneRefined(sharpen, how, shared_threads(threads, jobs)),
        read_manifest(videos, masks),
        Path(out) if out else RUNS / Path(videos).resolve().stem,
        ManyOptions(jobs=jobs, shard=shard, cluster=cluster),
        overwrite=overwrite,
        resume=resume,
        goes_on=False,
        progress=progress,
    )


@dataclass(frozen=True)
class _OneRefined:
    refiner: Refiner
    how: dict[str, Any]
    threads: int | None

    def __call__(self, entry: ManifestEntry, output: OutputFolder) -> RefineResult:
        if entry.given is None:
            raise MaskError(f"no masks of {entry.source}: a folder {entry.name}, or name them")
        where: dict[str, Any] = {"out": output.root, "overwrite": True}
        with at_most_threads(self.threads):
            return refine_masks(
                entry.source, entry.given, refiner=self.refiner, **self.how, **where
            )
