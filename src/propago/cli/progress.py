"""What stands on stderr beside the results: progress bars where somebody looks, licences."""

import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

WHOLE = 1000
"""A bar without frames is so long."""


class FramesPerSecond(ProgressColumn):
    """The speed of a task; of a fine-tuning what it has come to."""

    def render(self, task: Task) -> Text:
        """Frames per second, one decimal."""
        if "said" in task.fields:
            return Text(task.fields["said"], style="progress.data.speed")
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} frames/s", style="progress.data.speed")


class Counted(MofNCompleteColumn):
    """Frames done and in all."""

    def render(self, task: Task) -> Text:
        """As "3/80"; of a fine-tuning nothing."""
        return Text("") if "said" in task.fields else super().render(task)


@dataclass
class Bars:
    """Reports that draw one bar for each thing that is being done."""

    bars: Progress
    tasks: dict[str, TaskID] = field(default_factory=dict)
    loss: str = ""

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """Frames done, frames in all, what is done."""
        if what not in self.tasks:
            self.tasks[what] = self.bars.add_task(what, total=total)
        self.bars.update(self.tasks[what], completed=done, total=total)

    def of_many(self, done: int, total: int | None, what: str) -> None:
        """As a call; where no bar is drawn, a line says what is begun."""
        if what not in self.tasks and self.bars.disable:
            self.say(what)
        self(done, total, what)

    def fine_tuning(self, what: str, steps: int, share: float, loss: float) -> None:
        """As `FineTuneProgress`."""
        said = f"{steps} frames" if math.isnan(loss) else f"{steps} steps, loss {loss:.3f}"
        task = self.tasks.get(f"fine-tuning {what}")
        if task is None or steps == 1:
            task = self.bars.add_task(f"fine-tuning {what}", total=WHOLE, said=said)
            self.tasks[f"fine-tuning {what}"] = task
        self.bars.update(task, completed=WHOLE * share, said=said)

    def training(self, steps: int, share: float, what: str) -> None:
        """Steps done, share of the budget spent, "training" or "validating".

        A validation takes minutes: it is said in a line where no bar is drawn.
        """
        if what == "validating" and self.bars.disable:
            self.say(f"validating after step {steps}")
        if "training" not in self.tasks:
            if steps:
                self.say(f"going on from step {steps}")
            self.tasks["training"] = self.bars.add_task(
                what, total=WHOLE, completed=int(WHOLE * share), said=""
            )
        said = f"step {steps}{self.loss}"
        self.bars.update(
            self.tasks["training"], description=what, completed=WHOLE * share, said=said
        )

    def log(self, line: Mapping[str, Any]) -> None:
        """A line of a training's log; its loss stands in the bar from then on."""
        if "loss" in line:
            self.loss = f", loss {line['loss']:.3g}"
        self.say(
            "  ".join(
                f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
                for name, value in line.items()
            )
        )

    def say(self, text: str) -> None:
        """A line above the bars."""
        self.bars.console.print(text, soft_wrap=True, highlight=False, markup=False)


@contextmanager
def frame_progress() -> Iterator[Bars]:
    """Bars, drawn while the context lasts."""
    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        Counted(),
        FramesPerSecond(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bars:
        yield Bars(bars)


def say_licence(description: Mapping[str, str]) -> None:
    """Print the weights of a run and their licence; nothing where none are told of."""
    if licence := description.get("weights_licence"):
        print(f"weights: {description['weights']}, licence {licence}", file=sys.stderr)
