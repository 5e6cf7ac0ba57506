"""`propago eval`: results against ground truth, by the rules of a benchmark."""

from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from propago.errors import MaskError, SourceError, UsageError
from propago.io.formats.png import read_labels
from propago.io.formats.sequence_folders import (
    FrameFiles,
    LabelFolders,
    SequenceFiles,
    find_folders,
    label_files,
)
from propago.jobs.frame_scores import FrameTask, workers
from propago.jobs.options import Progress
from propago.metrics.davis import VOID
from propago.metrics.evaluation import Evaluation
from propago.metrics.frames import FrameRules, FrameScores, present_ids
from propago.metrics.protocols import PROTOCOLS, Protocol, gather

FRAMES_A_TASK = 24
COMPILED_FROM_FRAMES = 1000
"""From so many frames a process on, compiled code saves more time than it takes to load."""


def evaluate(
    results: str | Path,
    gt: str | Path,
    protocol: str = "davis2017",
    *,
    official: bool = False,
    tolerance_px: int | None = None,
    jobs: int = 1,
    sequences: Sequence[str] | str | Path | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measures predicted label maps against true ones.

    Args:
        results: folder with one folder of PNG label maps a sequence, or one sequence.
        gt: the same for the ground truth, or the root of a DAVIS or YouTube-VOS data set.
        protocol: "davis2017", "davis2016", "davis-unsupervised" or "youtube-vos".
        official: follow the DAVIS tools to the bit: objects are 1 .. the highest id of the first
            frame whether they exist or not, void is background where the tool has it so,
            superfluous frames are ignored.
        tolerance_px: largest distance at which boundaries match; None: 0.8 % of the diagonal.
        jobs: processes to share the work among.
        sequences: names, or a text file of names; None: all of the ground truth.
        progress: called with (frames done, frames in all, what is done).

    Returns:
        the figures by object and frame; `.summary`, `.to_json()` and `.to_csv()` sum them up.

    Raises:
        UsageError: an argument is not legal.
        SourceError: a sequence or frame is missing or unreadable.
        MaskError: sizes differ, a predicted object is unknown, a sequence holds no object.
    """
    rules = _protocol(protocol, official)
    if tolerance_px is not None and tolerance_px < 0:
        raise UsageError(f"the tolerance is at least 0 pixels; this one is {tolerance_px}")
    if jobs < 1:
        raise UsageError(f"at least 1 job is needed; this is {jobs}")
    files = find_pairs(Path(results), Path(gt), rules, sequences, official)
    reading = FrameRules(
        binary=rules.binary,
        void_counts=official and not rules.assigned,
        all_pairs=rules.assigned,
        tolerance_px=tolerance_px,
    )
    objects, notes = [], []
    for sequence, frames in _scored(files, reading, jobs, progress):
        first = _first_ids(sequence, rules)
        found, remarks = gather(sequence, frames, first, rules, official)
        objects += found
        notes += remarks
    if not objects:
        raise MaskError(f"{gt} has no object that the protocol {protocol} evaluates: {notes[0]}")
    return Evaluation(protocol, official, tolerance_px, tuple(objects), files, tuple(notes))


def _protocol(name: str, official: bool) -> Protocol:
    if name not in PROTOCOLS:
        raise UsageError(f"{name!r} is no protocol; there are {', '.join(PROTOCOLS)}")
    if official and PROTOCOLS[name].sparse:
        raise UsageError(
            f"{name} is scored by a server whose code is not public, so `official` does not apply"
        )
    return PROTOCOLS[name]


def _scored(
    files: Sequence[SequenceFiles], rules: FrameRules, jobs: int, progress: Progress | None
) -> Iterator[tuple[SequenceFiles, list[FrameScores]]]:
    """The scores of each sequence's frames, sequence by sequence."""
    total, done = sum(len(sequence.frames) for sequence in files), 0
    compiled = total >= COMPILED_FROM_FRAMES * jobs and find_spec("numba") is not None
    with workers(jobs) as run:
        scored = run(task for sequence in files for task in _tasks(sequence, rules, compiled))
        for sequence in files:
            frames: list[FrameScores] = []
            while len(frames) < len(sequence.frames):
                frames += next(scored)
                if progress:
                    progress(done + len(frames), total, "evaluating")
            done += len(frames)
            yield sequence, frames


def _tasks(sequence: SequenceFiles, rules: FrameRules, compiled: bool) -> Iterator[FrameTask]:
    for start in range(0, len(sequence.frames), FRAMES_A_TASK):
        before = sequence.frames[start - 1] if start and rules.binary else None
        yield FrameTask(sequence.frames[start : start + FRAMES_A_TASK], before, rules, compiled)


def _first_ids(sequence: SequenceFiles, rules: Protocol) -> list[int]:
    """The ids in a sequence's first true label map, whether it is evaluated or not."""
    labels = read_labels(sequence.first_gt)
    if rules.binary:
        return [1]
    return [i for i in present_ids(labels) if i != VOID or labels.itemsize > 1]


def find_pairs(
    results: Path,
    gt: Path,
    rules: Protocol,
    sequences: Sequence[str] | str | Path | None = None,
    official: bool = False,
) -> tuple[SequenceFiles, ...]:
    """The frames that a protocol evaluates, each with its true and its predicted file.

    Arguments and errors are those of `evaluate`.
    """
    true, predicted = find_folders(gt, rules.annotations), find_folders(results)
    return tuple(
        _frames(name, true.sequences[name], predicted_folder, rules, official)
        for name, predicted_folder in _matched(true, predicted, sequences, official)
    )


def _matched(
    true: LabelFolders,
    predicted: LabelFolders,
    wanted: Sequence[str] | str | Path | None,
    official: bool,
) -> Iterator[tuple[str, Path]]:
    """Names of the sequences to evaluate, with the folder of predictions of each."""
    if true.single and predicted.single and wanted is None:
        yield from zip(true.sequences, predicted.sequences.values(), strict=True)
        return
    names = _names(wanted, true, predicted)
    for side, other in ((true, predicted), (predicted, true)):
        missing = [name for name in names if name not in side.sequences]
        if missing:
            raise SourceError(
                f"{side.root} has no masks for the sequence {missing[0]}"
                + (f" and {len(missing) - 1} more" if len(missing) > 1 else "")
                + f", which {other.root} has; --sequences chooses what is evaluated"
            )
    extra = [name for name in predicted.sequences if name not in true.sequences]
    if extra and wanted is None and not official:
        raise SourceError(
            f"{predicted.root} has the sequence {extra[0]}, for which {true.root} holds no ground "
            f"truth; --sequences chooses what is evaluated"
        )
    for name in names:
        yield name, predicted.sequences[name]


def _names(
    wanted: Sequence[str] | str | Path | None, true: LabelFolders, predicted: LabelFolders
) -> list[str]:
    if wanted is None:
        return list((predicted if predicted.single else true).sequences)
    if isinstance(wanted, (str, Path)):
        try:
            return Path(wanted).read_text().split()
        except OSError as error:
            raise UsageError(f"cannot read the list of sequences {wanted}: {error}") from error
    return list(wanted)


def _frames(
    name: str, true: Path, predicted: Path, rules: Protocol, official: bool
) -> SequenceFiles:
    """The evaluated frames of one sequence, by name."""
    gt, pred = label_files(true), label_files(predicted)
    names = list(gt) if rules.ends_count else list(gt)[1:-1]
    if not names:
        raise SourceError(
            f"{true} has {len(gt)} label maps; the protocol leaves out the first and the last, so "
            f"at least 3 are needed"
        )
    _refuse_gaps(names, pred, predicted, true)
    if not (rules.sparse or official):
        _refuse_gaps(pred, gt, true, predicted)
    frames = tuple(FrameFiles(frame, gt[frame], pred[frame]) for frame in names)
    return SequenceFiles(name, frames, first_gt=next(iter(gt.values())))


def _refuse_gaps(names: Iterable[str], files: dict[str, Path], folder: Path, other: Path) -> None:
    missing = [name for name in names if name not in files]
    if missing:
        raise SourceError(
            f"{folder / (missing[0] + '.png')} is missing"
            + (f" and {len(missing) - 1} more" if len(missing) > 1 else "")
            + f": {other} has frames of these names"
        )
