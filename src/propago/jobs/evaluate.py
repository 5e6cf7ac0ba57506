"""`propago eval`: results against ground truth, by the rules of a benchmark."""

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from propago.errors import MaskError, UsageError
from propago.jobs.options import Progress
from propago.metrics.evaluation import Evaluation, means
from propago.metrics.metric import Metric, load_metrics
from propago.metrics.pairing import find_pairs
from propago.metrics.protocols import PROTOCOLS, Protocol
from propago.metrics.sequences import Found, SequenceTask, measure_sequence

COMPILED_FROM_FRAMES = 1000
"""From so many frames a process on, compiled code saves more time than it takes to load."""


def evaluate(  # noqa: PLR0913 - the options of a verb
    results: str | Path,
    gt: str | Path,
    protocol: str = "davis2017",
    *,
    metrics: Sequence[str | Metric] | None = None,
    official: bool = False,
    tolerance_px: int | None = None,
    jobs: int = 1,
    set: Sequence[str] | str | Path | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measures predicted label maps against true ones.

    Args:
        results: folder with one folder of PNG label maps a sequence, or one sequence.
        gt: the same for the ground truth, or the root of a DAVIS or YouTube-VOS data set.
        protocol: "davis2017", "davis2016", "davis-unsupervised" or "youtube-vos".
        metrics: names in `propago.metrics.metric.METRICS`, or objects of one's own; None: those
            of the protocol.
        official: follow the DAVIS tools to the bit: objects are 1 .. the highest id of the first
            frame whether they exist or not, void is background where the tool has it so,
            superfluous frames are ignored.
        tolerance_px: largest distance at which boundaries match; None: 0.8 % of the diagonal.
        jobs: processes to share the sequences among.
        set: the sequences: names, a text file of names, or the name of one in the ground truth's
            ImageSets; None: all of the ground truth.
        progress: called with (frames done, frames in all, what is done).

    Returns:
        the figures by object and frame; `.figures`, `.to_json()` and `.to_csv()` sum them up.

    Raises:
        UsageError: an argument is not legal.
        SourceError: a sequence or frame is missing or unreadable.
        MaskError: sizes differ, a predicted object is unknown, a sequence holds no object.
    """
    rules = _protocol(protocol, official)
    if tolerance_px is not None and tolerance_px < 0:
        raise UsageError(f"`tolerance_px` is at least 0 pixels; this one is {tolerance_px}")
    if jobs < 1:
        raise UsageError(f"`jobs` is at least 1; this is {jobs}")
    measures, meanings = load_metrics(rules.metrics if metrics is None else metrics)
    files = find_pairs(Path(results), Path(gt), rules, set, official)
    frames = sum(len(sequence.frames) for sequence in files)
    compiled = frames >= COMPILED_FROM_FRAMES * jobs and find_spec("numba") is not None
    tasks = [
        SequenceTask(sequence, rules, official, tolerance_px, tuple(measures.values()), compiled)
        for sequence in files
    ]
    found = list(_measured(tasks, jobs, progress))
    objects = tuple(o for scores, _ in found for o in scores)
    notes = tuple(note for _, remarks in found for note in remarks)
    if not objects:
        raise MaskError(f"{gt} has no object that the protocol {protocol} evaluates: {notes[0]}")
    return Evaluation(
        protocol,
        {"official": official, "tolerance_px": tolerance_px},
        means(o.figures for o in objects),
        objects=objects,
        sequences=files,
        lower_is_better=frozenset(n for m in measures.values() for n in m.lower_is_better),
        meanings=meanings,
        notes=notes,
    )


def _protocol(name: str, official: bool) -> Protocol:
    if name not in PROTOCOLS:
        raise UsageError(f"`protocol` {name!r} is not there; there are {', '.join(PROTOCOLS)}")
    if official and PROTOCOLS[name].sparse:
        raise UsageError(
            f"{name} is scored by a server whose code is not public, so `official` does not apply"
        )
    return PROTOCOLS[name]


def _measured(
    tasks: Sequence[SequenceTask], jobs: int, progress: Progress | None
) -> Iterator[Found]:
    """What is found in each sequence, in order; in this process or in `jobs` of them."""
    passes = [len(t.files.frames) * (2 if t.protocol.assigned else 1) for t in tasks]
    tick = _ticks(sum(passes), progress)
    if jobs == 1:
        for task in tasks:
            yield measure_sequence(task, tick)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            for found, frames in zip(pool.map(measure_sequence, tasks), passes, strict=True):
                tick(frames)
                yield found
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _ticks(total: int, progress: Progress | None) -> Callable[..., None]:
    """What is called after each frame, or with the frames of a whole sequence."""
    done = 0

    def tick(frames: int = 1) -> None:
        nonlocal done
        done += frames
        if progress:
            progress(done, total, "evaluating")

    return tick
