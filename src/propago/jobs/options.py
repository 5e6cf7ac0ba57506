"""What can be set about following objects. Imports nothing heavy, for the help of a verb."""

from dataclasses import dataclass

from propago.finetune.budget import Budget
from propago.runs.options import RunOptions


@dataclass(frozen=True, kw_only=True)
class SegmentOptions(RunOptions):
    """What can be set about a run of `segment`, beside what any run has.

    Attributes:
        preset: size of the method's network; the method's own default if None.
        weights: "default", "synthetic" (free for any use), or a safetensors file.
        size: shorter side in pixels at which the network works; masks are always at source size.
        finetune: fine-tune the method on each annotated frame: 60s, 5min or 300steps for each
            network. Default: the method's; its weights are kept, so a second run starts at once.
        fit_masks: resize given masks of another size than the frame.
        save_scores: write the probabilities of every frame as float16 (`scores/*.npz`).
    """

    preset: str | None = None
    weights: str = "default"
    size: int | None = None
    finetune: str | None = None
    fit_masks: bool = False
    save_scores: bool = False

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            UsageError: as `RunOptions`, or no legal budget.
        """
        super().__post_init__()
        if self.finetune is not None:
            Budget.parse(self.finetune)
