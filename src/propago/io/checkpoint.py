"""Save and load a state: frozen dataclasses of numbers, strings, tensors, tuples and maps.

One safetensors file. Its tensors are the state's tensors and arrays; its metadata hold the rest as
JSON, and a SHA-256 of everything. Nothing is pickled: loading a file runs no code of the file's.
"""

import dataclasses
import hashlib
import importlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from propago.errors import PropagoError
from propago.io.atomic import replacing, unwritable

FORMAT = "propago-state-1"


class CheckpointError(PropagoError):
    """A saved state is damaged, or is not one."""


def save_state(path: Path, state: Any) -> None:
    """Write `state` to `path`: to a temporary name, flushed to the disk, then renamed.

    Args:
        path: the file to write; replaced where it exists.
        state: None, bool, int, float, str, a tensor, a numpy array, a frozenset of ints, a tuple
            of states, a mapping from ints or strings to states, or a frozen dataclass of states.

    Raises:
        CheckpointError: the state holds something else.
        OutputError: the file cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    structure = json.dumps(_pack(state, tensors), separators=(",", ":"))
    metadata = {
        "format": FORMAT,
        "structure": structure,
        "sha256": _digest(structure, tensors),
    }
    with replacing(path) as unfinished:
        try:
            save_file(tensors, unfinished, metadata)
        except SafetensorError as error:
            raise unwritable(path, error) from error
        with open(unfinished, "rb+") as file:
            os.fsync(file.fileno())


def load_state(path: Path, packages: Sequence[str] = ("propago",)) -> Any:
    """Read what `save_state` wrote: equal bit for bit, tensors with their strides and device.

    Args:
        path: the file.
        packages: the top-level packages whose dataclasses the file may name.

    Raises:
        CheckpointError: the file is missing, damaged, no saved state, or names another class.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not a readable checkpoint: {error}") from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: not a checkpoint of this version: format {metadata.get('format')!r}, "
            f"expected {FORMAT!r}"
        )
    structure = metadata.get("structure", "")
    if metadata.get("sha256") != _digest(structure, tensors):
        raise CheckpointError(f"{path}: the checkpoint is damaged: its SHA-256 does not match")
    return _unpack(json.loads(structure), tensors, tuple(packages))


def _pack(value: Any, tensors: dict[str, Tensor]) -> Any:
    """`value` as JSON; its tensors are put into `tensors`."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return {"float": value.hex()}
        case Tensor():
            return _pack_tensor(value, tensors)
        case np.ndarray():
            return {"array": _pack_tensor(torch.from_numpy(value), tensors)}
        case frozenset():
            return {"frozenset": sorted(value)}
        case tuple():
            return {"tuple": [_pack(item, tensors) for item in value]}
        case Mapping():
            return {"map": [[_key(key), _pack(item, tensors)] for key, item in value.items()]}
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return _pack_dataclass(value, tensors)
    raise CheckpointError(
        f"a state holds numbers, strings, tensors, arrays, tuples, maps and frozen dataclasses; "
        f"not {type(value).__module__}.{type(value).__qualname__}"
    )


def _key(key: Any) -> int | str:
    if not isinstance(key, int | str) or isinstance(key, bool):
        raise CheckpointError(f"a map in a state has ints or strings as keys, not {key!r}")
    return key


def _pack_dataclass(value: Any, tensors: dict[str, Tensor]) -> dict[str, Any]:
    kind = type(value)
    if not kind.__dataclass_params__.frozen or "<locals>" in kind.__qualname__:
        raise CheckpointError(
            f"{kind.__module__}.{kind.__qualname__}: a dataclass in a state is frozen and stands "
            "at the top of its module"
        )
    fields = {f.name: _pack(getattr(value, f.name), tensors) for f in dataclasses.fields(value)}
    return {"class": f"{kind.__module__}:{kind.__qualname__}", "fields": fields}


def _pack_tensor(tensor: Tensor, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The tensor is stored densely, axes by falling stride; that order is kept beside it."""
    order = sorted(range(tensor.ndim), key=lambda axis: -tensor.stride(axis))
    name = str(len(tensors))
    dense = tensor.detach().permute(order).contiguous()
    tensors[name] = dense.cpu() if dense.device.type != "cpu" else dense.clone()
    return {"tensor": name, "axes": order, "device": str(tensor.device)}


def _unpack(packed: Any, tensors: Mapping[str, Tensor], packages: tuple[str, ...]) -> Any:
    """The inverse of `_pack`."""
    match packed:
        case {"float": text}:
            return float.fromhex(text)
        case {"tensor": name, "axes": order, "device": device}:
            back = [order.index(axis) for axis in range(len(order))]
            return tensors[name].to(device).permute(back)
        case {"array": array}:
            return _unpack(array, tensors, packages).numpy()
        case {"frozenset": items}:
            return frozenset(items)
        case {"tuple": items}:
            return tuple(_unpack(item, tensors, packages) for item in items)
        case {"map": pairs}:
            return {key: _unpack(item, tensors, packages) for key, item in pairs}
        case {"class": name, "fields": fields}:
            kind = _resolve(name, packages)
            return kind(**{f: _unpack(v, tensors, packages) for f, v in fields.items()})
    return packed


def _resolve(name: str, packages: tuple[str, ...]) -> type:
    """The dataclass "module:Qualified.name", where its package is among `packages`."""
    module, _, qualname = name.partition(":")
    if module.partition(".")[0] not in packages:
        raise CheckpointError(
            f"the checkpoint names {name}; only classes of {', '.join(packages)} are loaded"
        )
    try:
        kind: Any = importlib.import_module(module)
        for part in qualname.split("."):
            kind = getattr(kind, part)
    except (ImportError, AttributeError) as error:
        raise CheckpointError(f"the checkpoint names {name}, which is not there") from error
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        raise CheckpointError(f"the checkpoint names {name}, which is no dataclass")
    return kind


def _digest(structure: str, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the structure and every tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(structure.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
