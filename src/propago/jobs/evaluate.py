"""`propago eval`: results against ground truth, by the rules of a benchmark."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from propago.errors import MaskError, PropagoError, UsageError
from propago.io.places import place_of
from propago.metrics.evaluation import Evaluation, means
from propago.metrics.inputs import open_pairs, protocol_of
from propago.metrics.measure_pairs import measure_pairs
from propago.metrics.metric import Metric, load_metrics
from propago.metrics.pairing import Wanted, find_pairs
from propago.metrics.protocols import chosen_protocol
from propago.metrics.sequences import Found, SequenceTask, measure_sequence
from propago.runs.cluster import map_on_cluster, refuse_unknown_cluster
from propago.runs.executor import map_tasks, require_a_job
from propago.runs.options import Progress, counted

COMPILED_FROM_FRAMES = 1000
"""From so many frames a process on, compiled code saves more time than it takes to load."""


def evaluate(  # noqa: PLR0913 - the options of a verb
    results: str | Path,
    gt: str | Path,
    protocol: str | None = None,
    *,
    metrics: Sequence[str | Metric] | None = None,
    official: bool = False,
    tolerance_px: int | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    set: Wanted = None,
    allow_extra: bool = False,
    progress: Progress | None = None,
) -> Evaluation:
    """Measures results against the truth: label maps, class maps, tracks or instances.

    Args:
        results: folder with one folder of PNG label maps a sequence, or one sequence; a folder of
            class maps; what `track` wrote; a JSON file of YouTube-VIS or COCO results.
        gt: the same for the ground truth, or the root of a data set in DAVIS, YouTube-VOS or VOC
            layout; a JSON file of YouTube-VIS or COCO ground truth.
        protocol: a name in `propago.metrics.protocols.PROTOCOLS`; None: what the files are,
            "davis2017" for label maps.
        metrics: names in `propago.METRICS`, or objects of one's own; None: those of the protocol.
        official: follow the DAVIS tools to the bit: objects are 1 .. the highest id of the first
            frame whether they exist or not, void is background where the tool has it so,
            superfluous frames are ignored.
        tolerance_px: largest distance at which boundaries match; None: 0.8 % of the diagonal.
        jobs: processes to share the sequences of label maps among.
        cluster: they are workers of this Ray cluster, see `ManyOptions`, whose machines have the
            same folders; None: of this machine.
        set: the sequences: names, a text file of names, or the name of one in the ground truth's
            ImageSets; None: all of the ground truth.
        allow_extra: predicted objects that the ground truth lacks are noted, not refused; no
            figure of an object knows of them, those of identities do.
        progress: called with (frames done, frames in all, what is done).

    Returns:
        the figures by object and frame, or by category; `.figures`, `.to_json()` and `.to_csv()`
        sum them up.

    Raises:
        UsageError: an argument is not legal, or the two are not of one kind.
        SourceError: a sequence, frame or file is missing or unreadable.
        MaskError: sizes differ, a predicted object is unknown, a sequence holds no object.
    """
    results, gt = place_of(results, "results"), place_of(gt, "gt")
    name = protocol or protocol_of(results, gt)
    rules = chosen_protocol(name, official, tolerance_px)
    require_a_job(jobs)
    if cluster is not None:
        refuse_unknown_cluster(cluster)
        results, gt = results.absolute(), gt.absolute()
    measures, meanings = load_metrics(rules.metrics if metrics is None else metrics, rules.of)
    if rules.of != "masks":
        with _naming(results, gt):
            pairs = open_pairs(rules.of, results, gt, set)
            tick = counted(progress, None, "evaluating")
            found = measure_pairs(rules.name, pairs, measures.values(), tick)
    else:
        files = find_pairs(results, gt, rules, set, official)
        tasks = [
            SequenceTask(
                sequence,
                rules,
                official,
                tolerance_px,
                tuple(measures.values()),
                allow_extra=allow_extra,
            )
            for sequence in files
        ]
        found = _evaluate_masks(tasks, jobs, cluster, progress)
    less = frozenset(name for metric in measures.values() for name in metric.lower_is_better)
    return replace(found, lower_is_better=less, meanings=meanings)


@contextmanager
def _naming(results: Path, gt: Path) -> Iterator[None]:
    """Errors that name neither say of which files they are."""
    try:
        yield
    except (UsageError, MaskError) as error:
        if str(results) in str(error) or str(gt) in str(error):
            raise
        raise type(error)(f"{results}, measured with {gt}: {error}") from error


def _evaluate_masks(
    tasks: Sequence[SequenceTask], jobs: int, cluster: str | None, progress: Progress | None
) -> Evaluation:
    """Metrics of each object, and their means."""
    first, frames = tasks[0], sum(len(task.files.frames) for task in tasks)
    if frames >= COMPILED_FROM_FRAMES * jobs and find_spec("numba") is not None:
        tasks = [replace(task, compiled=True) for task in tasks]
    found = list(_measured(tasks, jobs, cluster, progress))
    objects = tuple(o for scores, _ in found for o in scores)
    notes = tuple(note for _, remarks in found for note in remarks)
    if not objects:
        raise MaskError(f"there is no object that {first.protocol.name} evaluates: {notes[0]}")
    return Evaluation(
        first.protocol.name,
        {"official": first.official, "tolerance_px": first.tolerance_px},
        means(o.figures for o in objects),
        objects=objects,
        sequences=tuple(task.files for task in tasks),
        notes=notes,
    )


def _measured(
    tasks: Sequence[SequenceTask], jobs: int, cluster: str | None, progress: Progress | None
) -> Iterator[Found]:
    """What is found in each sequence, in order; in this process or in `jobs` others."""
    passes = [len(t.files.frames) * (2 if t.protocol.assigned else 1) for t in tasks]
    tick = counted(progress, sum(passes), "evaluating")
    if cluster is not None:
        shared = map_on_cluster(_measured_there, tasks, cluster, jobs, _died)
    elif jobs > 1:
        shared = map_tasks(measure_sequence, tasks, jobs)
    else:
        for task in tasks:
            yield measure_sequence(task, tick)
        return
    for found, frames in zip(shared, passes, strict=True):
        if isinstance(found, PropagoError):
            raise found
        tick(frames)
        yield found


def _measured_there(task: SequenceTask, again: bool) -> Found | PropagoError:
    """As on any worker; an error comes back in its own words."""
    try:
        return measure_sequence(task)
    except PropagoError as error:
        return error


def _died(task: SequenceTask, why: str) -> PropagoError:
    return PropagoError(f"{task.files.name}: the workers that measured it were killed: {why}")
