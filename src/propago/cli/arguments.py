"""Arguments of a verb: a dataclass, filled from the command line by tyro."""

import re
import sys
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from inspect import getdoc
from types import NoneType
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import tyro
from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
)

from propago.cli.help import named_arguments

Arguments = TypeVar("Arguments")

Boxes = tyro.conf.UseAppendAction[
    Annotated[
        tuple[Annotated[str, tyro.conf.arg(metavar="BOX")], ...],
        tyro.conf.arg(name="box", metavar="BOX"),
    ]
]
"""The type of the argument `boxes`: --box, once for each object."""

Clicks = tyro.conf.UseAppendAction[
    Annotated[
        tuple[Annotated[str, tyro.conf.arg(metavar="CLICKS")], ...],
        tyro.conf.arg(name="click", metavar="CLICKS"),
    ]
]
"""The type of the argument `clicks`: --click, once for each object."""

registry = ConstructorRegistry()
registry.struct_rule(named_arguments)


@registry.primitive_rule
def optional(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
    """`X | None` is shown and read as X; leaving it out gives None, shown as unset."""
    kinds = [kind for kind in get_args(info.type) if kind is not NoneType]
    if len(kinds) != 1 or NoneType not in get_args(info.type):
        return None
    spec = ConstructorRegistry.get_primitive_spec(PrimitiveTypeInfo.make(kinds[0], info.markers))
    if not isinstance(spec, PrimitiveConstructorSpec):
        return None
    return replace(
        spec,
        is_instance=lambda value: value is None or spec.is_instance(value),
        str_from_instance=lambda value: (
            ["unset"] if value is None else spec.str_from_instance(value)
        ),
    )


@registry.primitive_rule
def two_numbers(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
    """Two numbers are one word, LOW,HIGH."""
    if info.type != tuple[float, float]:
        return None

    def read(words: list[str]) -> tuple[float, float]:
        low, high = map(float, words[0].split(","))
        return low, high

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="LOW,HIGH",
        instance_from_str=read,
        is_instance=lambda value: isinstance(value, tuple),
        str_from_instance=lambda value: [",".join(f"{number:g}" for number in value)],
    )


def parse(
    kind: type[Arguments], argv: Sequence[str], verb: str, default: Arguments | None = None
) -> Arguments:
    """The dataclass filled from `argv`; prints help or what is wrong and exits.

    Args:
        kind: the dataclass.
        argv: the arguments after the verb.
        verb: as in `propago VERB`.
        default: what is not in `argv`; the dataclass's own defaults if None.
    """
    return tyro.cli(
        kind,
        args=list(argv),
        default=tyro.MISSING_NONPROP if default is None else default,
        prog=f"propago {verb}",
        description=getdoc(kind),
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.PositionalMetavarFromFieldName),
        registry=registry,
    )


def with_flags(message: str, kind: type) -> str:
    """What a library says of its arguments, "`out`", in the words of the command line, "--out".

    Args:
        message: names arguments in backticks; a name that is no option of the verb stays.
        kind: the dataclass of the verb's arguments.
    """
    flags = _flags(kind)
    return re.sub(r"`(\w+)`", lambda named: flags.get(named[1], named[0]), message)


def say_note(note: str, arguments: Any) -> None:
    """Say what a person should know, in the words of the verb that has these `arguments`."""
    print(f"note: {with_flags(note, type(arguments))}", file=sys.stderr)


def _flags(kind: Any) -> dict[str, str]:
    """By field, nested ones too, how it is written on the command line."""
    flags, hints = {}, get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        inner, *marks = get_args(hints[field.name]) or [hints[field.name]]
        if is_dataclass(inner):
            flags |= _flags(inner)
        elif tyro.conf.Positional in marks or "Positional" in map(str, marks):
            flags[field.name] = field.name.upper()
        else:
            named = next(filter(None, (getattr(mark, "name", None) for mark in marks)), field.name)
            flags[field.name] = f"--{named.replace('_', '-')}"
    return flags
