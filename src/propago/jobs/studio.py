"""`propago studio`: a page in the browser to draw first masks, correct and review."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from propago.annotation.ends import with_ends
from propago.annotation.gather import AnnotationSet
from propago.annotation.prompted import load_prompter
from propago.errors import UsageError
from propago.io.formats import open_masks
from propago.io.source import Source
from propago.io.video import open_source
from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment_source
from propago.jobs.segment_parts import SegmentParts, load_segment_parts
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.processor import processor
from propago.runs.writers import Result, Writer
from propago.studio.carrying import Order, OtherResultsError
from propago.studio.opening import open_project
from propago.studio.serving import StudioAddress, refuse_without_server, serve

RUNS = Path("runs/studio")


def serve_studio(  # noqa: PLR0913
    source: str | Path,
    masks: str | Path | Sequence[str | Path] | None = None,
    *,
    out: str | Path | None = None,
    gt: str | Path | None = None,
    method: str = "feelvos",
    prompter: str | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    options: SegmentOptions | None = None,
    ready: Callable[[StudioAddress], None],
) -> None:
    """Serve the studio of a source until it is interrupted.

    Args:
        source: anything `segment` takes.
        masks: to begin with, as `segment` takes them; what is drawn in `out` stands above them.
            Or a folder that `track` wrote: its tracks are corrected and saved in `out`.
        out: the folder; runs/studio/<name of the source> if None. What lies there is gone on with.
        gt: the ground truth, anything `propago.open_masks` takes, named like the frames.
        method: a name in `propago.components.PROPAGATORS`.
        prompter: what answers boxes and clicks: a name in `PROMPTERS`, the default if None.
        host: the address to listen at; others than this machine reach it only where that is theirs.
        port: 0 takes a free one.
        options: as for `segment`.
        ready: called with the address once it listens.

    Raises:
        UsageError: the extra is not installed, or the address cannot be had.
        SourceError: the source cannot be read.
        MaskError: a given mask is illegal.
        OutputError: the folder cannot be used.
    """
    refuse_without_server()
    options = replace(options or SegmentOptions(), overlay=False)
    opened = open_source(source, **options.reading)
    output = OutputFolder(out or RUNS / opened.name)
    truth = None if gt is None else open_masks(gt)
    project = open_project(opened, output, masks, fit=options.fit_masks)
    follow = SegmentRuns(opened, output, method, options)
    answering = load_prompter(prompter, options.device)
    serve(project, follow, answering, truth, host=host, port=port, ready=ready)


class SegmentRuns:
    """Carries masks by runs of `segment`, whose parts are loaded when they are first needed."""

    def __init__(
        self, source: Source, output: OutputFolder, method: str, options: SegmentOptions
    ) -> None:
        self._source, self._output, self._method = source, output, method
        self._options = options
        self._parts: SegmentParts | None = None
        self._progress: Progress = lambda *_: None
        self._at: tuple[int, int | None] = 0, source.frame_count

    def __call__(self, order: Order, watch: Writer[Result], progress: Progress) -> tuple[str, ...]:
        """As `propago.studio.carrying.Follow`."""
        given = with_ends(self._source, order.given, order.ends)
        annotations = AnnotationSet(given, both_ways=order.both_ways)
        resume = self._output.record.exists() and not order.overwrite
        options = replace(self._options, resume=resume, overwrite=order.overwrite)
        self._progress, self._at = progress, (0, self._source.frame_count)
        with processor(options.threads, options.seed):
            parts = self._parts = self._parts or load_segment_parts(
                self._method, None, None, options, self._fine_tuning
            )
            try:
                self._output.refuse(overwrite=order.overwrite, resume=resume)
                made = segment_source(
                    self._source,
                    annotations,
                    parts,
                    self._output,
                    options,
                    self._frames,
                    watch=watch,
                )
            except UsageError as error:
                raise OtherResultsError(str(error)) from error
        return made.notes

    def _frames(self, done: int, total: int | None, what: str) -> None:
        self._at = done, total
        self._progress(done, total, what)

    def _fine_tuning(self, what: str, steps: int, share: float, loss: float) -> None:
        """As `FineTuneProgress`: the run stands where it is meanwhile, and can be cancelled."""
        self._progress(*self._at, f"fine-tuning {what}, {share:.0%}")
