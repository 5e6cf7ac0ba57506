"""The sizes that a network comes in, and how one is filled with trained weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from torch import nn

from propago.errors import UsageError, WeightsError
from propago.nn.weights import fill, load_weights

Config = TypeVar("Config")
Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True)
class Preset(Generic[Config]):
    """One size of a network.

    Attributes:
        network: what a weights file says it is of, e.g. "feelvos/compact".
        config: what the network is made of.
        size: short side in pixels that frames are worked on at; 0: their own.
        weights: short names of shipped weights; "default" is the first choice. Their licence
            stands in the files.
    """

    network: str
    config: Config
    size: int = 0
    weights: Mapping[str, str] = field(default_factory=dict)


def preset_called(presets: Mapping[str, Preset[Config]], name: str) -> Preset[Config]:
    """The preset of this name.

    Raises:
        UsageError: there is none.
    """
    if name not in presets:
        raise UsageError(f"`preset` {name}: there are {', '.join(presets)}")
    return presets[name]


def load_network(
    presets: Mapping[str, Preset[Config]],
    build: Callable[[Config], Net],
    preset: str | None = None,
    weights: str | Path = "default",
) -> tuple[Net, dict[str, str]]:
    """A network with trained weights, and what a run's record says of them.

    Args:
        presets: the sizes there are.
        build: makes an untrained network.
        preset: one of them; None takes the one that the weights are of.
        weights: a short name of the preset, a shipped name, or a safetensors file.

    Returns:
        The network; "preset", "weights", "weights_sha256" and "weights_licence".

    Raises:
        UsageError: no such preset.
        WeightsError: no such weights, corrupt, or of another network.
    """
    chosen = [preset_called(presets, preset)] if preset else list(presets.values())
    names = {short: name for one in reversed(chosen) for short, name in one.weights.items()}
    if weights == "default" and "default" not in names:
        of = " and ".join(one.network for one in chosen)
        other = [f"preset {name}" for name, one in presets.items() if "default" in one.weights]
        raise WeightsError(
            f"{of}: no weights in the package; train it (`propago train`) and give the file as "
            f"`weights`, or take {(other or ['another method'])[0]}"
        )
    loaded = load_weights(names.get(str(weights), weights), *(one.network for one in chosen))
    name, found = next((n, p) for n, p in presets.items() if p.network == loaded.about["network"])
    net = build(found.config)
    fill(net, loaded)
    return net, {
        "preset": name,
        "weights": loaded.name,
        "weights_sha256": loaded.sha256,
        "weights_licence": loaded.about.get("licence", "not stated"),
    }
