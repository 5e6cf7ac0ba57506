"""What can be set about a run. Imports nothing heavy: the command line shows it at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from propago.errors import UsageError
from propago.finetune.budget import Budget

Progress = Callable[[int, int | None, str], None]
"""Called as (frames done, frames in all or None, what is being done)."""


@dataclass(frozen=True)
class SegmentOptions:
    """What can be set about a run of `segment`.

    Attributes:
        start: first frame of the source, counted from 0.
        end: frame behind the last one.
        every: take every n-th frame.
        preset: size of the method's network; the method's own default if None.
        weights: "default", "synthetic" (free for any use), or a safetensors file.
        device: auto, cpu, cuda or mps.
        size: shorter side in pixels at which the network works; masks are always at source size.
        refine: spn sharpens each prediction along the edges of the picture, before it is cleaned.
            Default: the method's, see `propago models`.
        clean: craf makes each prediction consistent with the frame before, before objects compete
            and before it is remembered; regions that were not there go. Default: the method's.
        finetune: fine-tune the method on each annotated frame: 60s, 5min or 300steps for each
            network. Default: the method's; its weights are kept, so a second run starts at once.
        threads: processor threads; all of them if None.
        seed: of every random choice.
        fit_masks: resize given masks of another size than the frame.
        save_scores: write the probabilities of every frame as float16 (`scores/*.npz`).
        overlay: draw overlay.mp4 (--no-overlay leaves it out).
        overwrite: delete an earlier run in the output folder.
        resume: go on with an interrupted run in the output folder.
    """

    start: int | None = None
    end: int | None = None
    every: int = 1
    preset: str | None = None
    weights: str = "default"
    device: str = "auto"
    size: int | None = None
    refine: Literal["spn", "none"] | None = None
    clean: Literal["craf", "none"] | None = None
    finetune: str | None = None
    threads: int | None = None
    seed: int = 0
    fit_masks: bool = False
    save_scores: bool = False
    overlay: bool = True
    overwrite: bool = False
    resume: bool = False

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            UsageError: resume and overwrite together, no threads, or no legal budget.
        """
        if self.finetune is not None:
            Budget.parse(self.finetune)
        if self.resume and self.overwrite:
            raise UsageError("--resume keeps what is there, --overwrite deletes it: choose one")
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"--threads is {self.threads}; it is at least 1")
