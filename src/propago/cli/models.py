"""`propago models`."""

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from propago.cli.arguments import parse

if TYPE_CHECKING:
    from propago.components import Component


@dataclass(frozen=True)
class ModelsArguments:
    """List the methods and the weights in the package, with sizes and licences.

    Examples:
        propago models
    """


CALLED = {"detector": "--method of propago track"}
"""Tables whose names another option takes than the one of their own name."""


def run(argv: list[str]) -> int:
    """Print them, by the option that takes their names."""
    parse(ModelsArguments, argv, "models")
    from propago.components import KINDS
    from propago.nn.weights import SHIPPED, describe_shipped, shipped_weights

    for argument, table in KINDS.items():
        print(CALLED.get(argument, f"--{argument}"))
        for name, part in table.items():
            print("\n".join(_lines(f"  {name:<13}  {part.summary}")))
            if presets := part.preset_names():
                print("\n".join(_lines(f"{'':17}presets: {', '.join(presets)}")))
            if defaults := _defaults(part):
                print(f"{'':17}by default {defaults}")
    print("--weights")
    for model in map(describe_shipped, shipped_weights()):
        size = f"{model.size_bytes / 1e6:.1f} MB"
        print(f"  {model.name:<24}  {size}  {model.licence:<12}  {model.network}")
    print(f"what they were trained on, and their scores: {SHIPPED}/*.md")
    return 0


def _lines(text: str) -> list[str]:
    """A line as a screen of 80 columns takes it, what follows below its second column."""
    return wrap(text, 80, subsequent_indent=" " * 17, drop_whitespace=True)


def _defaults(part: "Component") -> str:
    """What a method does unasked, as it would be asked for."""
    asked = {"refine": part.refine, "clean": part.clean, "finetune": part.finetune}
    asked |= {"associator": part.associator} if part.associator != "iou" else {}
    return " ".join(f"--{n} {value}" for n, value in asked.items() if value not in (None, "none"))
