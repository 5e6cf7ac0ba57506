"""The methods, in one table: adding one is a folder and a line here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from propago.adaptation.adaptation import Adaptation
from propago.errors import UsageError
from propago.methods.feelvos.run import Feelvos
from propago.methods.seg_with_spn.run import BUDGET, SegWithSpn
from propago.ops.aggregate import hard_max, joint_softmax
from propago.types import Scores


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        load: makes the method with trained weights: (preset, weights, device, size, adaptation).
        summary: one line for `propago models`.
        presets: sizes it comes in.
        aggregate: how its objects compete for a pixel.
        refine: what sharpens its predictions, where nothing else is asked for.
        clean: what makes them consistent over time, where nothing else is asked for.
        finetune: budget of each fine-tuning, where nothing else is asked for; None: it does none.
    """

    load: Callable[..., Any]
    summary: str
    presets: tuple[str, ...]
    aggregate: Callable[[Scores], Scores]
    refine: Literal["spn", "none"] = "none"
    clean: Literal["craf", "none"] = "none"
    finetune: str | None = None


METHODS = {
    "feelvos": Method(
        Feelvos.load,
        "Matching of pixel embeddings and a head over objects (Voigtlaender et al. 2019)",
        ("compact",),
        joint_softmax,
    ),
    "seg_with_spn": Method(
        SegWithSpn.load,
        "Foreground and object networks tuned on the annotated frame (Cheng et al. 2017)",
        ("compact", "paper"),
        hard_max,
        refine="spn",
        clean="craf",
        finetune=str(BUDGET),
    ),
}


def load_method(
    name: str = "feelvos",
    *,
    preset: str = "compact",
    weights: str | Path = "default",
    device: str = "auto",
    size: int | None = None,
    adaptation: Adaptation | None = None,
) -> Any:
    """The method called `name`, ready to run.

    With `adaptation` it is tuned on the annotated frames; its own default if None.

    Raises:
        UsageError: no such method, preset or device.
        WeightsError: no such weights, corrupt, or of another network.
    """
    if name not in METHODS:
        raise UsageError(f"method {name}: there are {', '.join(METHODS)}")
    return METHODS[name].load(
        preset=preset, weights=weights, device=device, size=size, adaptation=adaptation
    )
