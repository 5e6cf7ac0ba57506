"""Whether the frames that a run has results of are still those of its source."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from propago.errors import UsageError
from propago.io.source import Source
from propago.runs.journal import damaged


def file_bytes(source: Source, index: int) -> int | None:
    """How large the file of a frame is; None where it has none, or where it is gone."""
    try:
        return source.files[index].stat().st_size if source.files else None
    except (OSError, IndexError):
        return None


def has_grown(record: Mapping[str, Any], source: Source) -> bool:
    """Whether the source has more frames than when the run of `record` began."""
    before = _told(record).get("frame_count")
    return bool(before and source.frame_count and source.frame_count > before)


def refuse_other_source(
    record: Mapping[str, Any], log: Path, source: Source, until: int, where: Path
) -> None:
    """Refuse to go on where what lies behind the name of the source has been exchanged.

    Of every frame that has a file its name and size are compared, of the first one and of a video
    the content. Frames behind `until` may be others, or more.

    Args:
        record: of the earlier run.
        log: its frames.jsonl.
        source: the source as it is now.
        until: the last frame whose results are kept.
        where: the folder of the run.

    Raises:
        UsageError: a frame up to `until` is another one, or is gone.
        OutputError: `log` is damaged.
    """
    other = next(_differences(record, log, source, until), None)
    if other:
        raise UsageError(
            f"`resume`: the run in {where} was made of other frames: {other}; give it the source "
            "that it was made of, or begin again with `overwrite`"
        )


def _differences(record: Mapping[str, Any], log: Path, source: Source, until: int) -> Iterator[str]:
    """What is another one now, in words."""
    for line in _lines(log, until):
        index, name, size = line["index"], line["name"], line.get("bytes")
        if index not in source.selected or (source.named and index >= len(source.files)):
            yield f"{name} is gone from {source.path}"
        elif source.files and source.files[index].stem != name:
            yield f"frame {index} is {source.files[index].name} now, and was {name}"
        elif size is not None and file_bytes(source, index) != size:
            yield f"{source.files[index]} has {file_bytes(source, index)} bytes, and had {size}"
    begins = _told(record).get("begins")
    if begins is not None and begins != source.begins:
        yield f"{source.path} begins otherwise now"


def _lines(log: Path, until: int) -> Iterator[dict[str, Any]]:
    try:
        with open(log, encoding="utf-8") as file:
            for text in file:
                if not text.endswith("\n") or (line := json.loads(text))["index"] > until:
                    return
                yield line
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(log, error) from error


def _told(record: Mapping[str, Any]) -> Mapping[str, Any]:
    told = record.get("source")
    return told if isinstance(told, Mapping) else {}
