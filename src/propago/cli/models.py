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

    from propago.jobs.models import shipped_models
    from propago.methods import METHODS

    console = Console()
    methods = Table("method", "presets", "what it is")
    defaults = Table("by default", "refine", "clean", "finetune", "objects compete by")
    for name, method in METHODS.items():
        methods.add_row(name, ", ".join(method.presets), method.summary)
        budget = method.finetune or "none"
        defaults.add_row(name, method.refine, method.clean, budget, method.aggregate.__name__)
    console.print(methods, defaults)
    weights = Table("weights", "network", "MB", "licence", "card")
    for model in shipped_models():
        size = f"{model.size_bytes / 1e6:.1f}"
        weights.add_row(model.name, model.network, size, model.licence, str(model.card))
    console.print(weights)
    return 0
