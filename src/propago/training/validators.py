"""Which validation a task has: on a DAVIS set, or on held-out pictures of its own data."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch import nn

from propago.data.sources import with_held_out
from propago.data.stills import stills_of_davis
from propago.data.task import TrainingTask
from propago.io.davis import open_davis
from propago.training.recipe import Recipe
from propago.training.validate_detector import validate_detector
from propago.training.validate_foreground import validate_foreground
from propago.training.validate_prompter import validate_prompter
from propago.training.validate_propagator import validate_propagator
from propago.training.validate_refiner import validate_refiner
from propago.training.validation import ValidationResult, Validator

VALIDATIONS: dict[str, Callable[..., ValidationResult]] = {
    "propagator": validate_propagator,
    "refiner": validate_refiner,
    "foreground": validate_foreground,
}
"""By the kind of a task; called with its part, a DAVIS root, a set of it, and frames. Detectors
and prompters are validated on held-out pictures of their own data, these on that set, too."""


def validator_of(
    task: TrainingTask, recipe: Recipe, root: Path, kept: Callable[[nn.Module], nn.Module]
) -> Validator | None:
    """What watches a training; None where nothing is to be validated, or the data are absent.

    Args:
        task: what is trained.
        recipe: says on what, and how often.
        root: folder with the recipe's real data.
        kept: what of a trained network is kept.

    Raises:
        SourceError: there is no such set.
    """
    settings, davis = recipe.validation, root / "davis"
    if task.kind is None or task.part is None:
        return None
    if task.kind == "detector":
        sets = {one.name: one.held_out(root).instances() for one in with_held_out(recipe.data)}
        validate = partial(validate_detector, sets=sets, most=settings.frames)
    elif task.kind == "prompter":
        sets = {one.name: one.held_out(root).stills() for one in with_held_out(recipe.data)}
        if davis.is_dir():
            sets |= {settings.davis_set: stills_of_davis(davis, settings.davis_set)}
        validate = partial(validate_prompter, sets=sets, most=settings.frames)
    elif davis.is_dir():
        open_davis(davis, Path(settings.davis_set))
        validate = partial(
            VALIDATIONS[task.kind], root=davis, set_name=settings.davis_set, frames=settings.frames
        )
    else:
        return None
    part = task.part
    return Validator(lambda net: validate(part(kept(net))), settings.every_minutes)
