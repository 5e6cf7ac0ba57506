"""ONNX Runtime beside PyTorch on the parts of networks that `propago export` writes.

Both run with one thread, turn by turn; what counts is the median of CPU time. PyTorch is as propago
runs it: bfloat16 layers where the CPU has them, the propagation of SPN in numba.

python benchmarks/export.py --rounds 9
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from arguments import commit, parser
from propago.components import imported, load_component
from propago.jobs.export import EXPORTED
from propago.nn.inference import fast_precision
from propago.nn.onnx_parts import OnnxPart, write_part
from propago.ops.scan import propagate

LENGTHS = {"h": 40, "w": 68, "h16": 12, "w16": 12, "h32": 10, "w32": 17, "objects": 3}
LENGTHS |= {"regions": 64, "height": 192, "width": 192}
"""Of free axes: frames of 320 x 544 px, crops of 192 x 192 for spn."""


def main() -> None:
    """Parse, run, print."""
    arguments = parser(__doc__, data=False)
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--methods", nargs="+", default=list(EXPORTED))
    options = arguments.parse_args()
    torch.set_num_threads(1)
    print(f"commit {commit()}, onnxruntime {onnxruntime.__version__}, torch {torch.__version__}\n")
    print("| part | PyTorch, ms | ONNX Runtime, ms | times as fast | largest difference |")
    print("|---|---|---|---|---|")
    for method in options.methods:
        loaded = load_component(dict(EXPORTED), method, "method", device="cpu")
        for part in imported(EXPORTED[method].export)(loaded.net):
            print(measured(method, part, options.rounds), flush=True)


def measured(method: str, part: OnnxPart, rounds: int) -> str:
    """A row of the table."""
    given = {name: sized(part, name) for name in part.inputs}
    arrays = {name: x.numpy() for name, x in given.items()}
    session = session_of(part)
    fast = fast_precision(torch.device("cpu")) if method == "feelvos" else torch.no_grad()

    def in_torch() -> tuple[Tensor, ...]:
        with torch.no_grad(), fast:
            said = part.module(**given)
        return said if isinstance(said, tuple) else (said,)

    with torch.no_grad():
        exact = part.module(**given)
    exact = exact if isinstance(exact, tuple) else (exact,)
    off = max(
        float(np.abs(own - x.numpy()).max())
        for own, x in zip(session.run(None, arrays), exact, strict=True)
    )
    if part.has_loop:
        part.module.propagate = propagate  # pyright: ignore[reportArgumentType]
    pairs = [(cpu_ms(in_torch), cpu_ms(lambda: session.run(None, arrays))) for _ in range(rounds)]
    torch_ms, onnx_ms = (median(one) for one in zip(*pairs, strict=True))
    return (
        f"| {method} {part.name} | {torch_ms:.1f} | {onnx_ms:.1f} | {torch_ms / onnx_ms:.2f} "
        f"| {off:.1e} |"
    )


def session_of(part: OnnxPart) -> onnxruntime.InferenceSession:
    """The part in ONNX Runtime, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with TemporaryDirectory() as folder:
        path = Path(folder) / "part.onnx"
        write_part(part, path, {})
        return onnxruntime.InferenceSession(path.read_bytes(), options)


def sized(part: OnnxPart, name: str) -> Tensor:
    """An input with the lengths of its free axes."""
    shape = list(part.inputs[name].shape)
    for axis, what in part.free.get(name, {}).items():
        times, length = (1, what) if isinstance(what, str) else what
        shape[axis] = times * LENGTHS[length]
    return torch.rand(shape)


def cpu_ms(once: Callable[[], object]) -> float:
    """CPU time of a call."""
    began = time.process_time()
    once()
    return 1000 * (time.process_time() - began)


if __name__ == "__main__":
    main()
