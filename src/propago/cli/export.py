"""`propago export`."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from propago.cli.arguments import parse


@dataclass(frozen=True)
class ExportArguments:
    """Write the parts of a trained network as ONNX files, heights and widths free.

    Of feelvos, spn, mask_rcnn and masktrack_rcnn; needs the extra `onnx`. docs/onnx.md says what
    stands between the parts.

    Examples:
        propago export spn --onnx spn/
        propago export feelvos --onnx feelvos/ --weights synthetic
    """

    method: tyro.conf.Positional[str]
    """feelvos, spn, mask_rcnn or masktrack_rcnn."""
    onnx: Path
    """The folder for METHOD-PART.onnx."""
    preset: str | None = None
    """Size of the network. Default: the one that the weights are of."""
    weights: str = "default"
    """Shipped weights, or a .safetensors file of `propago train`."""
    overwrite: bool = False
    """Replace files that are there."""


def run(argv: list[str]) -> int:
    """Export, and say where the files are."""
    arguments = parse(ExportArguments, argv, "export")
    from propago.jobs.export import export

    written = export(
        arguments.method,
        arguments.onnx,
        preset=arguments.preset,
        weights=arguments.weights,
        overwrite=arguments.overwrite,
    )
    for path in written:
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
    return 0
