"""Which files an evaluation compares: sequences and frames of truth and results, by name."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from propago.errors import SourceError
from propago.io.labels import AS_IT_STANDS
from propago.io.names import find_list, names_in
from propago.io.sequence_folders import (
    FrameFiles,
    LabelFolders,
    SequenceFiles,
    find_folders,
    label_files,
)
from propago.io.shared_policy import shared_policy
from propago.metrics.protocols import PROTOCOLS, Protocol

Wanted = Sequence[str] | str | Path | None
"""Names, a text file of names, or the name of one in a data set's ImageSets; None: everything."""


def find_pairs(
    results: Path,
    gt: Path,
    rules: Protocol,
    wanted: Wanted = None,
    official: bool = False,
) -> tuple[SequenceFiles, ...]:
    """The frames that a protocol evaluates, each with its true and its predicted file.

    Arguments and errors are those of `evaluate`.
    """
    true, predicted = find_folders(gt, rules.annotations), find_folders(results)
    return tuple(
        _frames(name, true.sequences[name], predicted_folder, rules, official)
        for name, predicted_folder in _matched(true, predicted, wanted, official)
    )


def find_class_maps(results: Path, gt: Path, wanted: Wanted = None) -> list[FrameFiles]:
    """The true and the predicted class map of each picture.

    Args:
        results: a folder of class maps, or of folders of them.
        gt: the same, or the root of a data set in PASCAL VOC layout.
        wanted: the pictures of one folder, or the folders; None: all of the ground truth.

    Raises:
        SourceError: a file is missing on one side.
    """
    rules = PROTOCOLS["semantic"]
    true, predicted = find_folders(gt, rules.annotations), find_folders(results)
    if wanted is None or not (true.single and predicted.single):
        pairs = find_pairs(results, gt, rules, wanted)
        return [files for sequence in pairs for files in sequence.frames]
    (true_folder,), (folder,) = true.sequences.values(), predicted.sequences.values()
    maps, found = label_files(true_folder), label_files(folder)
    names = _listed(wanted, gt, maps)
    _refuse_gaps(names, maps, true_folder, folder)
    _refuse_gaps(names, found, folder, true_folder)
    return [FrameFiles(name, maps[name], found[name]) for name in names]


def _matched(
    true: LabelFolders,
    predicted: LabelFolders,
    wanted: Wanted,
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


def _names(wanted: Wanted, true: LabelFolders, predicted: LabelFolders) -> list[str]:
    if wanted is None:
        return list((predicted if predicted.single else true).sequences)
    return _listed(wanted, true.root, true.sequences)


def _listed(wanted: Sequence[str] | str | Path, root: Path, there: Collection[str]) -> list[str]:
    if not isinstance(wanted, (str, Path)):
        return list(wanted)
    return [str(wanted)] if str(wanted) in there else names_in(find_list(root, Path(wanted)))


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
    _refuse_gaps(names, pred, predicted, true, _strange(pred, gt))
    if not (rules.sparse or official):
        _refuse_gaps(pred, gt, true, predicted, "; there is no ground truth for them")
    policies = [shared_policy(files.values(), AS_IT_STANDS) for files in (gt, pred)]
    frames = tuple(FrameFiles(frame, gt[frame], pred[frame], *policies) for frame in names)
    return SequenceFiles(name, frames, first_gt=next(iter(gt.values())))


def _strange(found: Iterable[str], known: Collection[str]) -> str:
    """What else is there, where a frame may be missing because it has another name."""
    others = [name for name in found if name not in known]
    return f"; of other names there are {len(others)}, {others[0]}.png first" if others else ""


def _refuse_gaps(
    names: Iterable[str], files: dict[str, Path], folder: Path, other: Path, more: str = ""
) -> None:
    missing = [name for name in names if name not in files]
    if missing:
        raise SourceError(
            f"{folder / (missing[0] + '.png')} is missing"
            + (f" and {len(missing) - 1} more" if len(missing) > 1 else "")
            + f": {other} has frames of these names{more}"
        )
