"""`propago demo`."""

from dataclasses import dataclass
from pathlib import Path

from propago.cli.arguments import parse
from propago.cli.progress import frame_progress
from propago.jobs.options import SegmentOptions


@dataclass(frozen=True)
class DemoArguments:
    """Follow three objects that cross through the clip in the package, and score the masks.

    Examples:
        propago demo
        propago demo --frames 20 --out short_demo
    """

    out: Path = Path("runs/demo")
    """The output folder; an earlier demo in it is replaced."""
    frames: int | None = None
    """How many of the first frames; all of them if left out."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    threads: int | None = None
    """Processor threads; all of them if left out."""
    size: int | None = None
    """Shorter side in pixels at which the network works."""
    weights: str = "default"
    """default, synthetic (free for any use), or a safetensors file."""


def run(argv: list[str]) -> int:
    """Do the demo, and say how well and how fast it went."""
    arguments = parse(DemoArguments, argv, "demo")
    from propago.jobs.demo import demo

    options = SegmentOptions(
        device=arguments.device,
        threads=arguments.threads,
        size=arguments.size,
        weights=arguments.weights,
    )
    with frame_progress() as progress:
        made = demo(arguments.out, frames=arguments.frames, options=options, progress=progress)
    print(f"clip     {made.clip}")
    print(f"masks    {made.segmented.masks}")
    print(f"overlay  {made.segmented.overlay}")
    print(f"sheet    {made.contact}")
    print(f"report   {made.report}")
    scores = made.scores.figures
    print(f"J&F {scores['J&F']:.3f}  (J {scores['J_mean']:.3f}, F {scores['F_mean']:.3f})")
    print(f"{made.segmented.frames_per_s:.1f} frames/s")
    return 0
