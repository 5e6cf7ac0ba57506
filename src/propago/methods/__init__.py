"""The methods, in one table: adding one is a folder and a line here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from propago.errors import UsageError
from propago.methods.feelvos.run import Feelvos


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        load: makes the method with trained weights: (preset, weights, device, size).
        summary: one line for `propago models`.
        presets: sizes it comes in.
    """

    load: Callable[..., Any]
    summary: str
    presets: tuple[str, ...]


METHODS = {
    "feelvos": Method(
        Feelvos.load,
        "Matching of pixel embeddings and a head over objects (Voigtlaender et al. 2019)",
        ("compact",),
    ),
}


def load_method(
    name: str = "feelvos",
    *,
    preset: str = "compact",
    weights: str | Path = "default",
    device: str = "auto",
    size: int | None = None,
) -> Any:
    """The method called `name`, ready to run.

    Raises:
        UsageError: no such method, preset or device.
        WeightsError: no such weights, corrupt, or of another network.
    """
    if name not in METHODS:
        raise UsageError(f"method {name}: there are {', '.join(METHODS)}")
    return METHODS[name].load(preset=preset, weights=weights, device=device, size=size)
