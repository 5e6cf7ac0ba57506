"""The parts of a run of `segment`: by name, with a method's own refiner and cleaner; or objects."""

from dataclasses import dataclass

from propago.components import CLEANERS, PROPAGATORS, REFINERS, Component, component, load_component
from propago.errors import UsageError
from propago.finetune.budget import Budget
from propago.finetune.cache import FineTuneCache
from propago.finetune.fine_tuning import FineTuneProgress, FineTuning
from propago.jobs.options import SegmentOptions
from propago.types import Cleaner, Propagator, Refiner


@dataclass(frozen=True)
class SegmentParts:
    """What carries, sharpens and cleans; `finetune` is the budget of each fine-tuning."""

    method: Propagator
    refine: Refiner | None = None
    clean: Cleaner | None = None
    finetune: str | None = None


def load_segment_parts(
    method: str | Propagator,
    refine: str | Refiner | None,
    clean: str | Cleaner | None,
    options: SegmentOptions,
    finetune_progress: FineTuneProgress | None = None,
) -> SegmentParts:
    """The parts, loaded; of a named method its own ones where nothing else is asked for.

    Raises:
        UsageError: no such name, or a budget for a propagator, which has its own since it was made.
        WeightsError: no such weights, corrupt, or of another network.
    """
    row = _row(method)
    budget = _budget(row, options)
    refine = refine or (row.refine if row else None)
    clean = clean or (row.clean if row else None)
    device = options.asked("device")
    if not isinstance(method, str):
        loaded = method
    else:
        settings = options.asked("preset", "size", "weights")
        if budget:
            settings["finetune"] = FineTuning(budget, FineTuneCache(), finetune_progress)
        loaded = load_component(PROPAGATORS, method, "method", **settings, **device)
    return SegmentParts(
        loaded,
        load_component(REFINERS, refine, "refine", **device),
        load_component(CLEANERS, clean, "clean"),
        str(budget) if budget else None,
    )


def _row(method: str | Propagator) -> Component | None:
    return component(PROPAGATORS, method, "method") if isinstance(method, str) else None


def _budget(row: Component | None, options: SegmentOptions) -> Budget | None:
    if options.finetune and row is None:
        raise UsageError(
            "`finetune` is for a method's name; a propagator brings its own fine-tuning"
        )
    asked = options.finetune or (row and row.finetune)
    return Budget.parse(asked) if asked else None
