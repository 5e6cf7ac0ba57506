"""What the parts of FEELVOS compact are worth: each changed at inference, J on a set of sequences.

    python benchmarks/ablation.py --data ../shared/data --set val --frames 40

Choices about the default settings are made from this table on `val`.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch

from arguments import parser
from propago.components import load_method
from propago.methods.feelvos import run
from propago.methods.feelvos.run import Feelvos, FeelvosSettings
from propago.training.validate_propagator import validate_propagator

SETTINGS: dict[str, Callable[[FeelvosSettings], FeelvosSettings]] = {
    "as shipped": lambda s: s,
    "no recent frames": lambda s: replace(s, recent=0),
    "two recent frames": lambda s: replace(s, recent=2),
    "recent frames 10 apart": lambda s: replace(s, interval_frames=10),
    "decoded everywhere, not only near": lambda s: replace(s, visible=-1.0),
    "decoded within a wider margin": lambda s: replace(s, margin=8),
    "size 240": lambda s: replace(s, size=240),
    "size 304": lambda s: replace(s, size=304),
    "size 336": lambda s: replace(s, size=336),
}
WITHOUT_FLOW = "previous mask not carried by flow"


def main() -> None:
    """Parse, measure, print a table."""
    arguments = parser(__doc__, set_name="val", threads=2)
    arguments.add_argument("--frames", type=int, default=40)
    arguments.add_argument("--weights", default="default")
    variants = [*SETTINGS, WITHOUT_FLOW]
    arguments.add_argument(
        "--variants",
        nargs="+",
        choices=variants,
        default=variants,
        metavar="VARIANT",
        help="; ".join(variants),
    )
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    print("| FEELVOS compact | J and by sequence | s |")
    print("|---|---|---|")
    for name in options.variants:
        method = load_method(weights=options.weights, device="cpu")
        if name != WITHOUT_FLOW:
            method.settings = SETTINGS[name](method.settings)
            print(row(name, method, options), flush=True)
        else:
            with standing_still():
                print(row(name, method, options), flush=True)


def row(name: str, method: Feelvos, options: argparse.Namespace) -> str:
    """One line of the table."""
    began = time.perf_counter()
    result = validate_propagator(method, options.data / "davis", options.set, options.frames)
    seconds = time.perf_counter() - began
    return f"| {name} | {result.line} | {seconds:.0f} |"


@contextmanager
def standing_still() -> Iterator[None]:
    """No optical flow: every pixel is taken to be where it was."""
    flow = run.dis_flow
    run.dis_flow = lambda now, before: np.zeros((2, *now.shape), np.float32)
    try:
        yield
    finally:
        run.dis_flow = flow


if __name__ == "__main__":
    main()
