"""Parts of networks as ONNX files whose heights and widths are free."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from propago.errors import UsageError
from propago.io.atomic import replacing

Axis = str | tuple[int, str]
"""A free axis: its name, or (n, name) of one that is n times what is called so."""

_WIDEST = 4096
OPSET = 17
"""The version of ONNX's operators; of parts with loops it is the exporter's own."""


@dataclass(frozen=True)
class OnnxPart:
    """A part of a network that is written as a file.

    Attributes:
        name: of the file.
        module: takes the inputs by their names, returns a tensor or a tuple of them.
        inputs: an example of each; sides of free axes are at least 2 of them.
        outputs: their names.
        free: by input, and by axis of it, what is free; also of an output whose axis the exporter
            would take for a fixed one.
        has_loop: over an axis that is free. Then torch's newer exporter is taken; the older one
            writes no such loops, and the newer takes minutes over deep networks of free sizes.
    """

    name: str
    module: nn.Module
    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]
    free: Mapping[str, Mapping[int, Axis]] = field(default_factory=dict)
    has_loop: bool = False


def write_part(part: OnnxPart, path: Path, about: Mapping[str, str]) -> None:
    """Write a part; the file is whole or not there.

    Args:
        part: its module is in evaluation mode.
        path: the file.
        about: kept in the file as metadata.

    Raises:
        UsageError: the extra `onnx` is not installed.
        OutputError: it cannot be written.
    """
    content = part_bytes(part, about)
    with replacing(path) as unfinished:
        unfinished.write_bytes(content)


def require_exporter() -> None:
    """Refuse to export where what does it is not installed.

    Raises:
        UsageError: the extra `onnx` is missing.
    """
    if not all(map(find_spec, ("onnx", "onnxscript"))):
        raise UsageError("export to ONNX needs the extra onnx: pip install 'propago[onnx]'")


def part_bytes(part: OnnxPart, about: Mapping[str, str]) -> bytes:
    """What `write_part` writes.

    Raises:
        UsageError: the extra `onnx` is not installed.
    """
    require_exporter()
    import onnx

    written = _with_loops(part) if part.has_loop else _traced(part)
    model = onnx.load_from_string(written)
    for key, value in about.items():
        model.metadata_props.add(key=key, value=value)
    return model.SerializeToString()


def _traced(part: OnnxPart) -> bytes:
    buffer: Any = BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of torch about its own exporter
        torch.onnx.export(
            part.module.eval(),
            tuple(part.inputs.values()),
            buffer,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(part.inputs),
            output_names=list(part.outputs),
            dynamic_axes={
                name: {axis: _name(what) for axis, what in own.items()}
                for name, own in part.free.items()
            },
        )
    return buffer.getvalue()


def _with_loops(part: OnnxPart) -> bytes:
    buffer: Any = BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # as above
        program: Any = torch.onnx.export(
            part.module.eval(),
            tuple(part.inputs.values()),
            dynamo=True,
            verbose=False,
            input_names=list(part.inputs),
            output_names=list(part.outputs),
            dynamic_shapes=tuple(_dims(part.free[name]) for name in part.inputs),
        )
    program.save(buffer, external_data=False)
    return buffer.getvalue()


def _name(what: Axis) -> str:
    return what if isinstance(what, str) else f"{what[0]}*{what[1]}"


def _dims(free: Mapping[int, Axis]) -> dict[int, Any]:
    return {axis: _dim(what) for axis, what in free.items()}


def _dim(what: Axis) -> Any:
    if isinstance(what, str):
        return torch.export.Dim(what, min=3, max=_WIDEST)
    times, name = what
    return times * torch.export.Dim(name, min=2, max=_WIDEST // times)
