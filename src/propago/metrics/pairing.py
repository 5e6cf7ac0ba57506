"""Which files an evaluation compares: sequences and frames of truth and results, by name."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from propago.errors import SourceError
from propago.io.formats.sequence_folders import (
    FrameFiles,
    LabelFolders,
    SequenceFiles,
    find_folders,
    label_files,
)
from propago.io.names import find_list, names_in
from propago.metrics.protocols import Protocol


def find_pairs(
    results: Path,
    gt: Path,
    rules: Protocol,
    set: Sequence[str] | str | Path | None = None,
    official: bool = False,
) -> tuple[SequenceFiles, ...]:
    """The frames that a protocol evaluates, each with its true and its predicted file.

    Arguments and errors are those of `evaluate`.
    """
    true, predicted = find_folders(gt, rules.annotations), find_folders(results)
    return tuple(
        _frames(name, true.sequences[name], predicted_folder, rules, official)
        for name, predicted_folder in _matched(true, predicted, set, official)
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
                + f", which {other.root} has; `set` chooses what is evaluated"
            )
    extra = [name for name in predicted.sequences if name not in true.sequences]
    if extra and wanted is None and not official:
        raise SourceError(
            f"{predicted.root} has the sequence {extra[0]}, for which {true.root} holds no ground "
            f"truth; `set` chooses what is evaluated"
        )
    for name in names:
        yield name, predicted.sequences[name]


def _names(
    wanted: Sequence[str] | str | Path | None, true: LabelFolders, predicted: LabelFolders
) -> list[str]:
    if wanted is None:
        return list((predicted if predicted.single else true).sequences)
    if isinstance(wanted, (str, Path)):
        if str(wanted) in true.sequences:
            return [str(wanted)]
        return names_in(find_list(true.root, Path(wanted)))
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
