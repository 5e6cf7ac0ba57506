"""`propago export`: the parts of a trained network as ONNX files."""

from pathlib import Path

import torch

from propago.components import DETECTORS, PROPAGATORS, REFINERS, component, imported
from propago.errors import UsageError
from propago.io.atomic import make_folder
from propago.nn.onnx_parts import require_exporter, write_part

EXPORTED = {name: row for name, row in (PROPAGATORS | REFINERS | DETECTORS).items() if row.export}
"""What has parts."""


def export(
    method: str,
    out: str | Path,
    *,
    preset: str | None = None,
    weights: str | Path = "default",
    overwrite: bool = False,
) -> list[Path]:
    """Write the parts of a trained network as ONNX files, heights and widths free.

    What stands between the parts has no weights and stays in Python: see `docs/onnx.md`.

    Args:
        method: a name in `EXPORTED`: feelvos, spn, mask_rcnn or masktrack_rcnn.
        out: the folder; gets METHOD-PART.onnx.
        preset: the size of the network; the one that the weights are of if None.
        weights: "default", or a safetensors file.
        overwrite: replace files that are there.

    Returns:
        The files.

    Raises:
        UsageError: no such method or preset, files are there, or the extra `onnx` is missing.
        WeightsError: no such weights, corrupt, or of another network.
        OutputError: they cannot be written.
    """
    row = component(EXPORTED, method, "method")
    require_exporter()
    asked = {"weights": weights, "device": "cpu"} | ({"preset": preset} if preset else {})
    loaded = row.load(**asked)
    about = {name: str(value) for name, value in loaded.description.items()}
    parts = {Path(out) / f"{method}-{p.name}.onnx": p for p in imported(row.export)(loaded.net)}
    for path in parts:
        if path.exists() and not overwrite:
            raise UsageError(f"{path} is there already: `overwrite` replaces it")
    make_folder(Path(out))
    with torch.no_grad():
        for path, part in parts.items():
            write_part(part, path, about)
    return list(parts)
