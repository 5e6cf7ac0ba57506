"""`propago models`: the weights in the package."""

from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from propago.errors import WeightsError
from propago.nn.weights import SHIPPED, shipped_weights


@dataclass(frozen=True)
class ShippedModel:
    """Weights in the package.

    Attributes:
        name: what `--weights` takes.
        network: the network they are of.
        licence: under which they may be used.
        size_bytes: of the file.
        card: what they were trained on, how, and their scores.
    """

    name: str
    network: str
    licence: str
    size_bytes: int
    card: Path


def shipped_models() -> list[ShippedModel]:
    """All weights in the package, by name.

    Raises:
        WeightsError: a file is damaged.
    """
    return [_described(name) for name in shipped_weights()]


def _described(name: str) -> ShippedModel:
    path = SHIPPED / f"{name}.safetensors"
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"weights {path}: not a readable safetensors file: {error}") from error
    return ShippedModel(
        name=name,
        network=about.get("network", "not stated"),
        licence=about.get("licence", "not stated"),
        size_bytes=path.stat().st_size,
        card=path.with_suffix(".md"),
    )
