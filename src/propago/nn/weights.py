"""Weights files: safetensors with their own description and checksum, shipped or a user's."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from propago.errors import WeightsError
from propago.io.atomic import replacing

SHIPPED = Path(str(files("propago"))) / "weights"
"""Where the weights in the package live, each with its card beside it."""


@dataclass(frozen=True)
class Weights:
    """What a weights file holds.

    Attributes:
        name: the file's stem.
        tensors: parameters and buffers, float32.
        sha256: hash of names and stored values.
        about: what was written with them: at least "network" and "licence".
    """

    name: str
    tensors: dict[str, Tensor]
    sha256: str
    about: dict[str, str]


@dataclass(frozen=True)
class ShippedWeights:
    """Weights in the package.

    Attributes:
        name: what `weights` takes.
        network: the network they are of.
        licence: under which they may be used.
        size_bytes: of the file.
    """

    name: str
    network: str
    licence: str
    size_bytes: int


def shipped_weights() -> list[str]:
    """Names of the weights in the package, sorted."""
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


def describe_shipped(name: str) -> ShippedWeights:
    """What their file says of the weights shipped as `name`.

    Raises:
        WeightsError: the file is damaged.
    """
    path = SHIPPED / f"{name}.safetensors"
    with _opened(path) as file:
        about = file.metadata() or {}
    network, licence = (about.get(field, "not stated") for field in ("network", "licence"))
    return ShippedWeights(name, network, licence, path.stat().st_size)


def save_weights(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> str:
    """Write `tensors` in half precision with `about` and their hash; returns the hash.

    An earlier file of that name stays until the new one is whole.

    Raises:
        OutputError: the file cannot be written.
    """
    half = {
        name: (t.half() if t.is_floating_point() else t).detach().cpu().contiguous()
        for name, t in tensors.items()
    }
    digest = _digest(half)
    with replacing(path) as temporary:
        temporary.write_bytes(save(half, {**about, "sha256": digest}))
    return digest


def load_weights(name: str | Path, *networks: str, argument: str = "weights") -> Weights:
    """The weights shipped as `name`, or those in a safetensors file that propago wrote.

    Args:
        name: a shipped name, or a path that ends in .safetensors.
        networks: those of which they may be, e.g. "feelvos/compact"; any where none is named.
        argument: what an error calls `name`.

    Raises:
        WeightsError: no such file, corrupt, or of another network.
    """
    path = Path(name) if str(name).endswith(".safetensors") else SHIPPED / f"{name}.safetensors"
    if not path.is_file():
        raise WeightsError(f"`{argument}` {name}: no such file; {_legal(networks)}").of_argument()
    with _opened(path) as file:
        about = file.metadata() or {}
        stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    digest = _digest(stored)
    if about.get("sha256") != digest:
        raise WeightsError(
            f"weights {path}: hash mismatch: the content is {digest[:12]}, the file says "
            f"{str(about.get('sha256'))[:12]}; the file is damaged or was not written by propago: "
            "install the package again or copy the file again"
        )
    if networks and about.get("network") not in networks:
        wanted = " or ".join(networks)
        raise WeightsError(
            f"weights {path} are of {about.get('network')}, not of {wanted}; {_legal(networks)}"
        )
    tensors = {k: t.float() if t.is_floating_point() else t for k, t in stored.items()}
    return Weights(path.stem, tensors, digest, about)


def _legal(networks: Sequence[str]) -> str:
    shipped = shipped_weights()
    fit = [n for n in shipped if not networks or describe_shipped(n).network in networks]
    return f"legal are {', '.join([*fit, 'a .safetensors file that `propago train` wrote'])}"


def fill(net: nn.Module, weights: Weights) -> None:
    """Put `weights` into `net`.

    Raises:
        WeightsError: a name or shape does not fit.
    """
    try:
        net.load_state_dict(weights.tensors)
    except RuntimeError as error:
        raise WeightsError(f"weights {weights.name} do not fit the network: {error}") from error


def fill_encoder(encoder: nn.Module, weights: Weights) -> None:
    """Put that part of the `weights` of another network into `encoder` which is such an encoder.

    Of a list of encoders, into each.

    Raises:
        WeightsError: no part of them is.
    """
    if isinstance(encoder, nn.ModuleList):
        for one in encoder:
            fill_encoder(one, weights)
        return
    wanted = encoder.state_dict()
    first = next(iter(wanted))
    for inside in (name.removesuffix(first) for name in weights.tensors if name.endswith(first)):
        found = {name: weights.tensors.get(inside + name) for name in wanted}
        if all(t is not None and t.shape == wanted[name].shape for name, t in found.items()):
            encoder.load_state_dict(found)
            return
    raise WeightsError(
        f"weights {weights.name} are of {weights.about.get('network')}, which has no encoder of "
        f"the kind that is wanted, {type(encoder).__name__}"
    )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A safetensors file."""
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"weights {path}: not a readable safetensors file: {error}") from error


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
