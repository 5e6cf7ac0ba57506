"""Objects followed backwards, too: to the beginning, and between the frames they are drawn on."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from itertools import chain

from propago.errors import MaskError, OutputError
from propago.io.backwards import read_backwards
from propago.io.masks import read_labels
from propago.io.soft_masks import read_soft_masks
from propago.ops.both_ways import Stretch, mixed, stretches
from propago.pipeline import Checkpoint, Segmented
from propago.runs.engine import Loop, Run, run
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.record import digest_of
from propago.runs.writers import EventWriter, MaskWriter, Result, SoftMaskWriter
from propago.types import Annotation, Annotations, Event, Frame, SoftMasks

Following = Callable[[Iterable[Frame], Checkpoint | None], Iterator[Segmented]]
"""A loop that follows objects through frames, from behind a checkpoint on."""


def followed_both_ways(
    job: Run,
    given: Annotations,
    follow: Callable[[Annotations], Following],
    ids: tuple[int, ...],
    progress: Progress | None,
) -> Run:
    """A run in which objects are followed backwards, too, from each frame they are drawn on.

    Those of the first annotated frame are followed to the beginning. Those of a later one are
    followed to the frame that they were drawn on before: what is between is mixed. Results come in
    order. What goes backwards are runs of their own, whose folders lie in the one of `job`: they
    are gone on with like any run, and serve each later correction that leaves them as they are.

    Args:
        job: the run from the first annotated frame on.
        given: its annotations.
        follow: makes the loop for annotations.
        ids: all ids of `job`.
        progress: as for `run`.
    """
    selected = job.source.selected
    given = {t: annotation for t, annotation in sorted(given.items()) if t in selected}
    if not given:
        return job
    ways = _Backwards(job, given, follow, ids, progress)
    between = [s for s in stretches(given) if s.first + selected.step < s.last]
    digests = dict(job.given)
    for stretch in between:
        part = ways.behind(stretch)
        said = f" {part.name} {sorted(stretch.since.items())}"
        digests[part.down_to] = digests.get(part.down_to, "") + said
    return replace(job, loop=ways.loop(between), given=digests)


def back_from(
    annotation: Annotation,
    known: Annotations,
    frame_at: Callable[[int], Frame],
    follow: Callable[[Annotations], Following],
) -> Following:
    """The loop over frames in reverse order, counted from 0, whose first one is annotated.

    Args:
        annotation: its masks.
        known: masks of other frames, which are remembered before.
        frame_at: gives these.
        follow: makes the loop for annotations.
    """

    def loop(frames: Iterable[Frame], resume: Checkpoint | None) -> Iterator[Segmented]:
        if known and resume is None:
            *_, last = follow(known)([frame_at(index) for index in sorted(known)], None)
            resume = replace(last.checkpoint, index=-1)
        yield from follow({0: Annotation(annotation.labels)})(frames, resume)

    return loop


@dataclass(frozen=True)
class _Part:
    """What is followed backwards: from frame `last` to `down_to`; `known` are masks of others."""

    last: int
    down_to: int
    annotation: Annotation
    known: Annotations

    @property
    def name(self) -> str:
        """Of its folder: others for other masks."""
        masks = (Annotation(self.annotation.labels), *self.known.values())
        digest = sha256("".join(map(digest_of, masks)).encode()).hexdigest()
        return f"{self.last:05d}-{self.down_to:05d}-{digest[:12]}"


@dataclass(frozen=True)
class _Backwards:
    """The runs backwards of `job`; as `followed_both_ways`."""

    job: Run
    given: Annotations
    follow: Callable[[Annotations], Following]
    ids: tuple[int, ...]
    progress: Progress | None

    def behind(self, stretch: Stretch) -> _Part:
        """What is followed backwards in a stretch: to the frame behind its beginning."""
        down_to = stretch.first + self.job.source.selected.step
        return _Part(stretch.last, down_to, self.given[stretch.last], stretch.known(self.given))

    def loop(self, between: Sequence[Stretch]) -> Loop:
        """The loop of the whole run."""
        job, first, start = self.job, min(self.given), self.job.source.selected.start
        beginning = [_Part(first, start, self.given[first], {})] if first > start else []
        parts = [*beginning, *map(self.behind, between)]

        def loop(frames: Iterable[Frame], resume: Checkpoint | None) -> Iterator[Result]:
            behind = resume.index if resume else -1
            job.output.keep_backwards([part.name for part in parts])
            made = {part.last: self._made(part) for part in parts if part.last > behind}
            coming = iter(frames)
            if behind < first:
                resume = None
                for frame in coming:
                    if frame.index >= first:
                        coming = chain([frame], coming)
                        break
                    yield made[first].of(frame)
            for result in job.loop(coming, resume):
                yield _mixed(result, between, made)

        return loop

    def _made(self, part: _Part) -> "_Made":
        """What is followed backwards, now or in an earlier run."""
        job, output = self.job, OutputFolder(self.job.output.backwards / part.name)
        backwards = replace(
            job,
            source=read_backwards(job.source, part.last, part.down_to),
            loop=back_from(part.annotation, part.known, job.source.frame_at, self.follow),
            output=output,
            writers=[MaskWriter(self.ids), SoftMaskWriter(), EventWriter()],
            options=replace(job.options, overlay=False, overwrite=False, resume=True),
            given={},
            about={},
        )
        run(backwards, self.progress)
        return _Made(output)


def _mixed(result: Result, between: Sequence[Stretch], made: dict[int, "_Made"]) -> Segmented:
    """A result with what the stretches that it lies in say of it."""
    assert isinstance(result, Segmented)
    masks = result.masks
    for stretch in between:
        shares = stretch.shares(result.frame.index)
        if shares:
            masks = mixed(masks, made[stretch.last].masks_of(result.frame), shares)
    if masks is result.masks:
        return result
    return replace(result, masks=masks, labels=masks.labels())


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
        name, masks = frame.name, self.masks_of(frame)
        with _read_back(self._output):
            labels = read_labels(self._output.masks / f"{name}.png")
        return Segmented(frame, masks, labels, self._events_of(name), Checkpoint(frame.index, None))

    def masks_of(self, frame: Frame) -> SoftMasks:
        """The soft masks of one frame."""
        with _read_back(self._output):
            return read_soft_masks(self._output.scores / f"{frame.name}.npz")


@contextmanager
def _read_back(output: OutputFolder) -> Iterator[None]:
    try:
        yield
    except (MaskError, OSError, ValueError, KeyError) as error:
        raise OutputError(
            f"{output.root} is damaged ({error}); delete it, and the same command with `resume` "
            "makes it again"
        ) from error
