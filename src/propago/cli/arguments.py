"""Arguments of a verb: a dataclass, filled from the command line by tyro."""

from collections.abc import Sequence
from dataclasses import replace
from inspect import getdoc
from types import NoneType
from typing import TypeVar, get_args

import tyro
from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
)

from propago.cli.help import named_arguments

Arguments = TypeVar("Arguments")

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
