"""What the formats in JSON share: loading, checking, telling formats apart."""

import json
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from propago.errors import PropagoWarning, SourceError, UsageError
from propago.io.json_fields import require_records

HEAD_BYTES = 1 << 20

Json = dict[str, Any]

_SINGULAR = {
    "videos": "video",
    "images": "image",
    "annotations": "annotation",
    "categories": "category",
}


def read_json(path: Path) -> Any:
    """What a JSON file holds; NaN and infinite numbers are read, and refused where they stand.

    Raises:
        SourceError: it cannot be read, or is cut off or no JSON.
    """
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise SourceError(
            f"{path} is no whole JSON file ({error}); was it cut off? Write or copy it again"
        ) from error


def records_of(
    path: Path, content: Any, name: str, fields: Mapping[str, Callable[[Any], bool]]
) -> Sequence[Json]:
    """The list called `name` of a file, whose records have these fields; see `require_records`.

    Raises:
        SourceError: there is no such list, or a record lacks a field or has one of another kind.
    """
    if not isinstance(content, Mapping) or name not in content:
        there = ", ".join(map(str, content)) if isinstance(content, Mapping) else "no object"
        raise SourceError(f"{path}: '{name}' is missing; it has {there or 'nothing'}")
    return checked_records(path, content[name], _SINGULAR[name], fields)


def checked_records(
    path: Path, records: Any, what: str, fields: Mapping[str, Callable[[Any], bool]]
) -> Sequence[Json]:
    """The records of a file, each called `what`, which have these fields.

    Raises:
        SourceError: as `require_records`, with the name of the file.
    """
    try:
        return [dict(record) for record in require_records(records, what, fields)]
    except UsageError as error:
        raise SourceError(f"{path}: {error}") from error


def of_listed(
    path: Path, records: Sequence[Json], field: str, listed: Sequence[Json]
) -> Sequence[Json]:
    """The records whose `field` is the id of one of `listed`; that others are left out is said."""
    ids = {str(one["id"]) for one in listed}
    kept = [record for record in records if str(record[field]) in ids]
    if less := len(records) - len(kept):
        other = next(record[field] for record in records if str(record[field]) not in ids)
        warnings.warn(
            f"{path}: left out {less} of {len(records)} annotations, whose {field}, such as "
            f"{other}, is no id that the file lists",
            PropagoWarning,
            stacklevel=2,
        )
    return kept


def of_each(
    path: Path, records: Sequence[Json], field: str, listed: Sequence[Json]
) -> dict[int, list[Json]]:
    """As `of_listed`, by `field`; a record without an id has its number, counted from 1."""
    found: dict[int, list[Json]] = defaultdict(list)
    for n, record in enumerate(of_listed(path, records, field, listed), 1):
        found[int(record[field])].append({"id": n} | record)
    return found


def head_of(path: Path) -> str:
    """The beginning of a .json file; empty of any other."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES).decode("utf-8-sig", "replace").lstrip()
