import io

from rich.console import Console
from rich.progress import Progress

from propago.cli.progress import Bars, Counted, FramesPerSecond, frame_progress


def test_a_fine_tuning_has_a_bar_with_steps_and_loss_and_frames_are_counted():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    shown = Progress("{task.description}", Counted(), FramesPerSecond(), console=console)
    bars = Bars(shown)
    bars.fine_tuning("object 3", 1, 0.1, 0.75)
    bars.fine_tuning("object 3", 2, 0.2, 0.5)
    bars(3, 80, "clip")
    console.print(shown)
    said = console.file.getvalue()
    assert "fine-tuning object 3" in said
    assert "2 steps, loss 0.500" in said
    assert "3/80" in said
    assert shown.tasks[0].completed == 200
    bars.fine_tuning("object 3", 1, 0.1, 0.75)
    assert len(shown.tasks) == 3


def test_a_validation_is_said_where_no_bar_is_drawn(capsys):
    with frame_progress() as bars:
        bars.training(0, 0.0, "training")
        bars.training(40, 0.5, "validating")
        bars.training(41, 0.6, "training")
    assert capsys.readouterr().err.splitlines() == ["validating after step 40"]


def test_what_of_many_is_begun_is_said_where_no_bar_is_drawn(capsys):
    with frame_progress() as bars:
        for row in ("full: cat", "without: cat"):
            for done in (1, 2):
                bars.of_many(done, 2, row)
    assert capsys.readouterr().err.splitlines() == ["full: cat", "without: cat"]
