"""How the help of a verb shows its arguments: by their names, without defaults that say nothing."""

from dataclasses import is_dataclass, replace
from typing import Annotated, Any, get_args

import tyro
from tyro.constructors import (
    ConstructorRegistry,
    StructConstructorSpec,
    StructFieldSpec,
    StructTypeInfo,
)

_described: set[Any] = set()


def named_arguments(info: StructTypeInfo) -> StructConstructorSpec | None:
    """A dataclass as tyro has it, its fields as this help shows them."""
    if not is_dataclass(info.type) or info.type in _described:
        return None
    _described.add(info.type)
    try:
        found = ConstructorRegistry.get_struct_spec(info)
    finally:
        _described.discard(info.type)
    if not isinstance(found, StructConstructorSpec):
        return None
    return replace(found, fields=tuple(map(_shown, found.fields)))


def _shown(field: StructFieldSpec) -> StructFieldSpec:
    """One paragraph of help; a text is called by the field's name, not STR."""
    kind: Any = field.type
    if _is_text(kind) and not any(
        getattr(mark, "metavar", None) for mark in getattr(kind, "__metadata__", ())
    ):
        kind = Annotated[kind, tyro.conf.arg(metavar=field.name.upper())]
    unsaid = isinstance(field.default, bool | None) or field.default in ("default", ())
    if unsaid or field.default is tyro.MISSING_NONPROP:
        kind = Annotated[kind, tyro.conf.arg(help_behavior_hint="")]
    return replace(field, type=kind, helptext=lambda: _paragraph(field))


def _is_text(kind: Any) -> bool:
    """A string, perhaps None or several."""
    return kind is str or any(map(_is_text, get_args(kind)))


def _paragraph(field: StructFieldSpec) -> str | None:
    """Its help; what is there by itself has a flag, --no-..., that leaves it out."""
    text = field.helptext() if callable(field.helptext) else field.helptext
    leaves_out = "without " if field.default is True else ""
    return text and leaves_out + " ".join(text.split())
