"""Checks of parsed JSON from anyone: that records are objects with fields of the right kinds."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from propago.errors import UsageError


def is_id(value: Any) -> bool:
    """A whole number, or a text."""
    return isinstance(value, str) or is_whole(value)


def is_whole(value: Any) -> bool:
    """A whole number; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53


def is_length(value: Any) -> bool:
    """Pixels or frames: from 1 to 65,535."""
    return is_whole(value) and 0 < value < 1 << 16


def is_number(value: Any) -> bool:
    """A finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)


def is_list(value: Any) -> bool:
    """A list."""
    return isinstance(value, list | tuple)


def is_anything(value: Any) -> bool:
    """Whatever it is, its reader will say."""
    return True


KINDS: dict[Callable[[Any], bool], str] = {
    is_id: "a whole number or a text",
    is_whole: "a whole number",
    is_length: "a whole number from 1 to 65535",
    is_number: "a finite number",
    is_list: "a list",
    is_anything: "anything",
}


def require_records(
    records: Any,
    what: str,
    needed: Mapping[str, Callable[[Any], bool]],
    known: Mapping[str, Callable[[Any], bool]] | None = None,
) -> Sequence[Mapping[str, Any]]:
    """The records, which are a list of objects with these fields.

    Args:
        records: parsed JSON.
        what: one of them is called this in messages, "result".
        needed: what each of its fields is, one of `KINDS`.
        known: the same of fields that may be missing.

    Raises:
        UsageError: they are no list, one is no object, a field is missing or of another kind.
    """
    if not is_list(records):
        raise UsageError(f"what each {what} is stands in a list; this is {_told(records)}")
    kinds = {**(known or {}), **needed}
    for n, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise UsageError(f"{what} {n} is an object in braces; this is {_told(record)}")
        for name in needed:
            if name not in record:
                there = ", ".join(map(str, record)) or "nothing"
                raise UsageError(f"{what} {n}: '{name}' is missing; it has {there}")
        for name, is_kind in kinds.items():
            if name in record and not is_kind(record[name]):
                raise UsageError(
                    f"{what} {n}: '{name}' is {_told(record[name])}; it is {KINDS[is_kind]}"
                )
    return records


def in_words(error: Exception) -> str:
    """What a reader of parsed JSON stumbled over, for a message."""
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _is_finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:
        return False


def _told(value: Any) -> str:
    return f"{value!r:.40}"
