"""What can be set about following objects and tracking instances.

Imports nothing heavy.
"""

from dataclasses import dataclass

from propago.errors import UsageError
from propago.finetune.budget import Budget
from propago.runs.options import RunOptions


@dataclass(frozen=True, kw_only=True)
class SegmentOptions(RunOptions):
    """What can be set about a run of `segment`, beside what any run has.

    Attributes:
        preset: size of the method's network. Default: the method's own.
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


@dataclass(frozen=True, kw_only=True)
class TrackOptions(RunOptions):
    """What can be set about a run of `track`, beside what any run has.

    Attributes:
        score: a less confident detection begins no instance. Only bytetrack and carrying go on
            with an instance by doubtful ones. None is 0.4 of a detector of ours, 0.3 of others'.
        classes: names or numbers of the classes to track, such as person,cat. Default: all.
        detect_every: with `carry`, look for instances in every n-th frame only.
        save_semantic: write the category of every pixel (`semantic/*.png`), of a detector that
            knows it, as bridging does.
        carry_size: shorter side in pixels at which what carries works; the cheap one of its own for
            this if None.
        preset: size of the detector's network; the detector's own default if None.
        weights: of the detector: "default", or a safetensors file.
        size: shorter side in pixels at which the detector works; masks are always at source size.
        engine: what computes the layers of mask_rcnn and masktrack_rcnn: torch, or onnx, which is
            ONNX Runtime on the CPU (extra `onnx`).
    """

    score: float | None = None
    classes: str | None = None
    detect_every: int = 1
    save_semantic: bool = False
    carry_size: int | None = None
    preset: str | None = None
    weights: str = "default"
    size: int | None = None
    engine: str = "torch"

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            UsageError: as `RunOptions`, or a score that is no share.
        """
        super().__post_init__()
        if self.score is not None and not 0 <= self.score <= 1:
            raise UsageError(f"`score` is {self.score}; a confidence is in [0, 1]")
