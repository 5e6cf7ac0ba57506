"""What was found, in a parsed file: a list of results, or annotations as ground truth has them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from propago.errors import UsageError

_PARTS = ("videos", "images")


def results_in(found: Any, truth: Any) -> Any:
    """The results of a file; those of a file of annotations have a score of 1 where they say none.

    Args:
        found: parsed; a list of results, or an object with "annotations", as `convert` writes.
        truth: the parsed ground truth.

    Returns:
        The list; what is neither is handed on as it is. Crowds are left out.

    Raises:
        UsageError: frames of one id have other names in the ground truth.
    """
    if not isinstance(found, Mapping) or not isinstance(found.get("annotations"), list):
        return found
    for part in _PARTS:
        _refuse_others(part, found, truth)
    return [
        {"score": 1.0, **one} if isinstance(one, Mapping) else one
        for one in found["annotations"]
        if not (isinstance(one, Mapping) and one.get("iscrowd"))
    ]


def _refuse_others(part: str, found: Any, truth: Any) -> None:
    known, mine = _names(part, truth), _names(part, found)
    for i, names in mine.items():
        if names != known.get(i, names):
            raise UsageError(
                f"{part[:-1]} {i} of the results has the frames {names[:3]}, in the ground truth "
                f"{known[i][:3]}: results are matched by id, so ids have to be those of the truth"
            )


def _names(part: str, content: Any) -> dict[Any, list[str]]:
    """Of each video or image that has an id the stems of its files."""
    listed = content.get(part) if isinstance(content, Mapping) else None
    records = [one for one in listed or () if isinstance(one, Mapping) and "id" in one]
    files = {
        one["id"]: one.get("file_names") or [one.get("file_name")]
        for one in records
        if isinstance(one["id"], (int, str))
    }
    return {i: [Path(str(name)).stem for name in names if name] for i, names in files.items()}
