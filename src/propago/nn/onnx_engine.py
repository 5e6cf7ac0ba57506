"""ONNX Runtime in place of PyTorch: parts of a network as functions of tensors, on the CPU."""

import os
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

import propago
from propago.errors import OutputError, PropagoWarning, UsageError
from propago.io.atomic import make_folder, part_of
from propago.io.cache_folder import KeptFiles, digest
from propago.nn.onnx_parts import OPSET, OnnxPart, part_bytes

ENGINES = ("torch", "onnx")
"""What computes the layers of a network."""

_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def require_engine(engine: str, device: torch.device) -> None:
    """Refuse what is no engine, or none of this device or installation.

    Raises:
        UsageError: it says what is legal, or what to install.
    """
    if engine not in ENGINES:
        raise UsageError(f"`engine` {engine}: there are {', '.join(ENGINES)}")
    if engine == "torch":
        return
    if device.type != "cpu":
        raise UsageError(
            f"`engine` {engine} computes on the CPU, and the device is {device.type}: set `device` "
            "to cpu, or leave `engine` out"
        )
    missing = [name for name in _PACKAGES if not find_spec(name)]
    if missing:
        raise UsageError(
            f"`engine` {engine} needs {' and '.join(missing)}: pip install 'propago[onnx]'"
        )


def kept_parts() -> KeptFiles:
    """The parts of networks in the user's cache."""
    return KeptFiles("onnx", ".onnx")


class OnnxLayers:
    """A part of a network in ONNX Runtime, with as many threads as PyTorch has now."""

    def __init__(self, content: bytes):
        """Run what `part_bytes` made."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        self._inputs = [one.name for one in self._session.get_inputs()]

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The outputs; inputs are float32, in the part's order. Of no rows there are none."""
        if not all(map(len, inputs)):  # which not all operators of ONNX Runtime take
            said = self(*(x.new_zeros(1, *x.shape[1:]) for x in inputs))
            return tuple(one[:0] for one in said)
        arrays = (x.detach().contiguous().numpy() for x in inputs)
        given = dict(zip(self._inputs, arrays, strict=True))
        found: Any = self._session.run(None, given)
        return tuple(map(torch.from_numpy, found))


def onnx_layers(parts: Sequence[OnnxPart]) -> dict[str, OnnxLayers]:
    """The parts by name; what was exported before comes from the user's cache.

    Where the cache cannot be written, a `PropagoWarning` says so.
    """
    return {part.name: _layers(part) for part in parts}


def _layers(part: OnnxPart) -> OnnxLayers:
    kept = kept_parts()
    versions = (propago.__version__, torch.__version__, OPSET)
    path = kept.path(digest(versions, part.name, part.module.state_dict()))
    if path.is_file():
        try:
            return OnnxLayers(path.read_bytes())
        except Exception:  # onnxruntime has one of its own for each way a file can be damaged
            pass
    content = part_bytes(part, {})
    try:
        make_folder(kept.folder)
        unfinished = part_of(path.with_stem(f"{path.stem}-{os.getpid()}"))  # of several at once
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except (OutputError, OSError) as error:
        warnings.warn(
            "the network is exported for this run only, and again for the next one; "
            f"PROPAGO_CACHE names another folder for it. {error}",
            PropagoWarning,
            stacklevel=2,
        )
    return OnnxLayers(content)
