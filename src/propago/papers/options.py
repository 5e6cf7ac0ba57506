"""What can be set about a reproduction. Imports nothing heavy: the command line shows it."""

from dataclasses import dataclass
from pathlib import Path

from propago.errors import UsageError
from propago.finetune.budget import Budget


@dataclass(frozen=True)
class ReproduceOptions:
    """What can be set about the reproduction of a table.

    Attributes:
        preset: size of the network, e.g. compact or paper.
        set: sequences of the DAVIS root: a name in its ImageSets, or a file of names.
        sequences: names of sequences, instead of a set.
        end: frame behind the last one of each sequence; all of them if None.
        every: take every n-th frame, or picture.
        rows: names of rows of the table; all of them if empty.
        finetune: budget of each fine-tuning: 60s, 5min or 300steps.
        out: holds finished cells and the tables; default: runs/reproduce/<paper>/<preset>.
        weights: default, or a safetensors file.
        device: auto, cpu, cuda or mps.
        size: working size, short side in pixels; the preset's own if None.
        threads: processor threads; all of them if None.
    """

    preset: str = "compact"
    set: str = "val"
    sequences: tuple[str, ...] = ()
    end: int | None = None
    every: int = 1
    rows: tuple[str, ...] = ()
    finetune: str = "60s"
    out: Path | None = None
    weights: str = "default"
    device: str = "auto"
    size: int | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            UsageError: no legal budget, or no threads.
        """
        Budget.parse(self.finetune)
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"`threads` is {self.threads}; it is at least 1")
