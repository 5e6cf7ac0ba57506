"""`propago models`."""

from dataclasses import dataclass

from propago.cli.arguments import parse


@dataclass(frozen=True)
class ModelsArguments:
    """List the methods and the weights in the package, with sizes and licences."""


def run(argv: list[str]) -> int:
    """Print three tables."""
    parse(ModelsArguments, argv, "models")
    from rich.console import Console
    from rich.table import Table

    from propago.components import KINDS, PROPAGATORS
    from propago.nn.weights import describe_shipped, shipped_weights

    console = Console()
    parts = Table("for", "name", "presets", "what it is")
    for kind, table in KINDS.items():
        for name, part in table.items():
            parts.add_row(kind, name, ", ".join(part.preset_names()), part.summary)
    defaults = Table("by default", "refine", "clean", "finetune")
    for name, method in PROPAGATORS.items():
        defaults.add_row(name, method.refine, method.clean, method.finetune or "none")
    console.print(parts, defaults)
    weights = Table("weights", "network", "MB", "licence", "card")
    for model in map(describe_shipped, shipped_weights()):
        size = f"{model.size_bytes / 1e6:.1f}"
        weights.add_row(model.name, model.network, size, model.licence, str(model.card))
    console.print(weights)
    return 0
