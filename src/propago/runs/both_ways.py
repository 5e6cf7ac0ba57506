"""Frames before the first mask: followed backwards from it, before all others are followed."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from itertools import chain

from propago.errors import MaskError, OutputError
from propago.io.backwards import read_backwards
from propago.io.masks import read_labels
from propago.io.soft_masks import read_soft_masks
from propago.pipeline import Checkpoint, Segmented
from propago.runs.engine import Loop, Run, run
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.writers import EventWriter, MaskWriter, Result, SoftMaskWriter
from propago.types import Annotation, Annotations, Event, Frame


def with_earlier_frames(
    job: Run,
    given: Annotations,
    follow: Callable[[Annotations], Loop],
    ids: tuple[int, ...],
    progress: Progress | None,
) -> Run:
    """A run that has masks before its first annotated frame, too; its results come in order.

    The objects of that frame are followed backwards by a run of its own, whose folder lies in the
    one of `job`: it is gone on with like any run, and serves every later correction.

    Args:
        job: the run from the first annotated frame on.
        given: its annotations.
        follow: makes the loop for annotations.
        ids: all ids of `job`.
        progress: as for `run`.
    """
    first = min(given)
    if first <= job.source.selected.start:
        return job
    backwards = replace(
        job,
        source=read_backwards(job.source, first),
        loop=follow({0: Annotation(given[first].labels)}),
        output=OutputFolder(job.output.backwards),
        writers=[MaskWriter(ids), SoftMaskWriter(), EventWriter()],
        options=replace(job.options, overlay=False, overwrite=False, resume=True),
        given={},
        about={},
    )

    def loop(frames: Iterable[Frame], resume: Checkpoint | None) -> Iterator[Result]:
        if resume and resume.index >= first:
            yield from job.loop(frames, resume)
            return
        run(backwards, progress)
        coming = iter(frames)
        made = _Made(backwards.output)
        for frame in coming:
            if frame.index >= first:
                yield from job.loop(chain([frame], coming), None)
                return
            yield made.of(frame)

    return replace(job, loop=loop)


class _Made:
    """The results that a run has left in its folder."""

    def __init__(self, output: OutputFolder) -> None:
        self._output = output
        self._events: dict[str, tuple[Event, ...]] = {}
        with _read_back(output):
            lines = output.events.read_text("utf-8").splitlines()
            for told in map(json.loads, lines):
                event = {field.name: told[field.name] for field in fields(Event)}
                event["box"] = tuple(event["box"])
                self._events[told["name"]] = (*self._events_of(told["name"]), Event(**event))

    def _events_of(self, name: str) -> tuple[Event, ...]:
        return self._events.get(name, ())

    def of(self, frame: Frame) -> Segmented:
        """That of one frame; behind it nothing is known yet of what comes."""
        name = frame.name
        with _read_back(self._output):
            masks = read_soft_masks(self._output.scores / f"{name}.npz")
            labels = read_labels(self._output.masks / f"{name}.png")
        return Segmented(frame, masks, labels, self._events_of(name), Checkpoint(frame.index, None))


@contextmanager
def _read_back(output: OutputFolder) -> Iterator[None]:
    try:
        yield
    except (MaskError, OSError, ValueError, KeyError) as error:
        raise OutputError(
            f"{output.root} is damaged ({error}); delete it, and the same command with `resume` "
            "makes it again"
        ) from error
