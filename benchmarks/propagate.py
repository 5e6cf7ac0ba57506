"""The spatial propagation against the memory floor: processor time, variants in turn.

    python benchmarks/propagate.py            # one thread; about a minute on an idle machine

The floor is the time that copying takes for the planes that must be read and written at least
once: 14 forward (x, 12 gates, the result), 49 forward and backward (14; 4 h written; 31 to read x,
the gradient, 12 gates and 4 h and to write 13 gradients). One plane is one channel in float32.
"""

import platform
import statistics
import time
from collections.abc import Callable

import torch

import propago
from arguments import commit, parser
from propago.ops.scan import propagate

SIZES = ((1, 256, 256), (1, 480, 854), (8, 480, 854))
PLANES = {"forward": 14, "forward + backward": 49}
COPIED = 14
REFERENCE_UP_TO = 256 * 256


def main() -> None:
    """Parse, measure every size, print a table."""
    arguments = parser(__doc__, data=False, threads=1)
    arguments.add_argument("--runs", type=int, default=9)
    arguments.add_argument("--largest", type=int, default=480 * 854, help="pixels of the batch")
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"propago {propago.__version__}, commit {commit()}, torch {torch.__version__}, "
        f"{platform.processor()}, {options.threads} threads; process time in ms, "
        f"median (least) of {options.runs}\n"
    )
    print(
        "| batch, size | | floor | numba | batched | reference | numba / floor | batched / numba |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for batch, height, width in SIZES:
        if batch * height * width <= options.largest:
            measure(batch, (height, width), options.runs)


def measure(batch: int, size: tuple[int, int], runs: int) -> None:
    """One row forward, one row forward and backward."""
    x = torch.rand(batch, 1, *size)
    gates = torch.randn(batch, 1, 4, 3, *size)
    names = ["numba", "batched"]
    if batch * size[0] * size[1] <= REFERENCE_UP_TO:
        names.append("reference")
    for what, planes in PLANES.items():
        variants = {"floor": copying(x)}
        variants |= {name: job(x, gates, name, what != "forward") for name in names}
        took = {name: [] for name in variants}
        for run in range(runs + 1):
            for name, work in variants.items():
                if name == "reference" and run > 1:
                    continue
                began = time.process_time()
                work()
                if run:
                    scale = 1000 * (planes / COPIED if name == "floor" else 1)
                    took[name].append(scale * (time.process_time() - began))
        print_row(f"{batch} x {size[1]}x{size[0]}", what, took)


def print_row(where: str, what: str, took: dict[str, list[float]]) -> None:
    """Medians, least values, and the two ratios that count."""
    middle = {name: statistics.median(times) for name, times in took.items()}
    cells = [
        f"{middle[name]:.2f} ({min(took[name]):.2f})" if name in took else ""
        for name in ("floor", "numba", "batched", "reference")
    ]
    ratios = middle["numba"] / middle["floor"], middle["batched"] / middle["numba"]
    print(
        f"| {where} | {what} | {' | '.join(cells)} | {ratios[0]:.1f} | {ratios[1]:.1f} |",
        flush=True,
    )


def copying(x: torch.Tensor) -> Callable[[], None]:
    """Reads 7 planes of the size of `x` and writes 7."""
    source = torch.rand(COPIED // 2, *x.shape)
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


def job(x: torch.Tensor, gates: torch.Tensor, backend: str, backward: bool) -> Callable[[], None]:
    """The scan by one backend."""

    def forward() -> None:
        with torch.no_grad():
            propagate(x, gates, backend=backend)

    def both() -> None:
        a, b = x.clone().requires_grad_(), gates.detach().requires_grad_()
        propagate(a, b, backend=backend).sum().backward()

    return both if backward else forward


if __name__ == "__main__":
    main()
