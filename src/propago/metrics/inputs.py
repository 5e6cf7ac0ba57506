"""What is measured, told from its files, and the pairs of truth and prediction in them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from propago.errors import SourceError, UsageError
from propago.io.zipped import unpacked
from propago.metrics.pairing import Wanted, find_class_maps, find_pairs
from propago.metrics.pairs import read_pair
from propago.metrics.protocols import PROTOCOLS
from propago.metrics.result_files import results_in

if TYPE_CHECKING:
    from propago.metrics.track_files import VideoTracks

CLASS_FOLDER = "SegmentationClass"
"""Where the class maps of a data set in PASCAL VOC layout lie."""

TRACKED = "instances.jsonl"
"""What `propago track` writes beside its label maps."""


_OTHERWISE = "`propago convert` writes label maps or YouTube-VIS of other formats of masks"


@dataclass(frozen=True)
class InstanceFiles:
    """COCO files, parsed.

    Attributes:
        gt: {"images", "categories", "annotations"}.
        results: [{"image_id", "category_id", "score", "segmentation"}].
    """

    gt: Mapping[str, Any]
    results: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class ClassMaps:
    """The class maps of one picture: (H, W) unsigned, 255 in the ground truth is not counted."""

    gt: np.ndarray
    pred: np.ndarray


def protocol_of(results: Path, gt: Path) -> str:
    """The protocol that fits what the files are, where none is asked for.

    Raises:
        UsageError: one is a folder, the other a file, or a file of neither kind.
        SourceError: a path does not exist, or its JSON cannot be read.
    """
    results, gt = unpacked(results), unpacked(gt)
    if _is_folder(results) != _is_folder(gt):
        folder, file = (results, gt) if results.is_dir() else (gt, results)
        raise UsageError(
            f"{folder} is a folder and {file} a file: both are folders of label maps, or both "
            f"JSON files (YouTube-VIS or COCO); {_OTHERWISE}"
        )
    if gt.is_dir():
        if any((place / TRACKED).is_file() for place in (results, results.parent)):
            return "identity"
        named = CLASS_FOLDER in (gt.name, gt.parent.name) or (gt / CLASS_FOLDER).is_dir()
        return "semantic" if named else "davis2017"
    truth = read_json(gt)
    kinds = {"images": "coco", "videos": "youtube-vis"}  # COCO of videos has both
    found = [kinds[key] for key in kinds if isinstance(truth, dict) and key in truth]
    if not found:
        raise UsageError(
            f"{gt} is no ground truth: a YouTube-VIS file is an object with 'videos', a COCO file "
            f"one with 'images'; this is {_told(truth)}"
        )
    return found[0]


def open_pairs(of: str, results: Path, gt: Path, wanted: Wanted) -> Sequence[Any] | Iterator[Any]:
    """The pairs that metrics of tracks, identities, instances or classes take in.

    Args:
        of: which of the four.
        results: what is measured.
        gt: the ground truth.
        wanted: of class maps, the pictures; None: all.

    Raises:
        UsageError: files of another kind, keys that are missing, unknown ids.
        SourceError: a file is missing or unreadable.
        MaskError: a mask of an unknown form or of another size.
    """
    if of == "classes":
        return (ClassMaps(*read_pair(files)) for files in find_class_maps(results, gt, wanted))
    if of == "identities":
        return find_pairs(results, gt, PROTOCOLS["identity"], wanted)
    for path in (unpacked(results), unpacked(gt)):
        if path.is_dir():
            raise UsageError(f"{path} is a folder; {of} are measured in JSON files")
    if wanted is not None:
        raise UsageError(f"`set` chooses among folders; {of} are all that the JSON files hold")
    truth = read_json(gt)
    found = results_in(read_json(results), truth)
    return [InstanceFiles(truth, found)] if of == "instances" else _videos(truth, found)


def read_json(path: Path) -> Any:
    """The parsed file.

    Raises:
        SourceError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot read {path} as JSON ({error}); {_OTHERWISE}") from error


def _videos(truth: Any, found: Any) -> "list[VideoTracks]":
    from propago.metrics.track_files import read_tracks

    return read_tracks(truth, found)


def _is_folder(path: Path) -> bool:
    if not path.exists():
        said = f"{path} does not exist: it is a folder of label maps or a JSON file"
        raise SourceError(said).of_argument()
    return path.is_dir()


def _told(truth: Any) -> str:
    if isinstance(truth, dict):
        return f"an object with {', '.join(map(repr, list(truth)[:5])) or 'nothing'}"
    return "a list (results?)" if isinstance(truth, list) else str(truth)[:40]
