"""What there is of every kind of part: one table a kind. Adding a part is a folder and a line here.

Parts are imported when they are used. Wherever a name of a table is legal, an object is, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from inspect import signature
from operator import attrgetter
from typing import Any

from propago.errors import UsageError


@dataclass(frozen=True)
class Component:
    """A line of a table.

    Attributes:
        path: "module:attribute" of what makes the part: a class with `load`, or any callable.
        summary: one line for `propago models`.
        presets: "module:attribute" of its `PRESETS`; empty where it has no network.
        refine: of a method, what sharpens its masks where nothing else is asked for.
        clean: of a method, what makes them consistent where nothing else is asked for.
        finetune: of a method, the budget of each fine-tuning; None: it does none by itself.
        associator: of a detector, what gives its detections identities where nothing else is asked
            for.
        carry: settings of a method where it carries detections, which correct it soon.
        train: "module:attribute" of the function that makes its `TrainingTask`; empty: untrained.
        export: "module:attribute" of the function that makes `OnnxPart`s of its network, or empty.
    """

    path: str
    summary: str
    presets: str = ""
    refine: str = "none"
    clean: str = "none"
    finetune: str | None = None
    associator: str = "iou"
    carry: Mapping[str, Any] = field(default_factory=dict)
    train: str = ""
    export: str = ""

    def load(self, **settings: Any) -> Any:
        """The part, ready to run.

        Raises:
            UsageError: a setting that it does not have.
        """
        legal = self.setting_names()
        for name in settings:
            if name not in legal:
                raise UsageError(
                    f"{name} = {settings[name]}: {imported(self.path).__name__} has no such "
                    f"setting; it has {', '.join(legal) or 'none'}"
                )
        return self._make(**settings)

    def setting_names(self) -> tuple[str, ...]:
        """What `load` takes."""
        return tuple(signature(self._make).parameters)

    @property
    def _make(self) -> Any:
        made = imported(self.path)
        return getattr(made, "load", made)

    def preset_names(self) -> tuple[str, ...]:
        """The sizes it comes in."""
        return tuple(imported(self.presets)) if self.presets else ()


PROPAGATORS: dict[str, Component] = {
    "feelvos": Component(
        "propago.methods.feelvos.run:Feelvos",
        "Matching of pixel embeddings and a head over objects (Voigtlaender et al. 2019)",
        presets="propago.methods.feelvos.net:PRESETS",
        carry={"size": 224, "anchors": 2, "recent": 0, "looks": 0},
        train="propago.methods.feelvos.train:task",
        export="propago.methods.feelvos.export:parts",
    ),
    "seg_with_spn": Component(
        "propago.methods.seg_with_spn.run:SegWithSpn",
        "Foreground and object networks, fine-tuned on given masks (Cheng et al. 2017)",
        presets="propago.methods.seg_with_spn.net:PRESETS",
        refine="spn",
        clean="craf",
        finetune="60s",
        train="propago.methods.seg_with_spn.train:task",
    ),
    "rgmp": Component(
        "propago.methods.rgmp.run:Rgmp",
        "The mask before and a reference frame, one object at a time (Oh et al. 2018)",
        presets="propago.methods.rgmp.net:PRESETS",
        train="propago.methods.rgmp.train:task",
    ),
    "maskrnn": Component(
        "propago.methods.maskrnn.run:MaskRnn",
        "The mask before, carried by flow, looked for in a box that follows it (Hu et al. 2017)",
        presets="propago.methods.maskrnn.net:PRESETS",
        train="propago.methods.maskrnn.train:task",
    ),
    "rgsn": Component(
        "propago.methods.rgsn.run:Rgsn",
        "Tracked by a scorer that learns, cut out of a crop by references (speeding_zZ 2018)",
        presets="propago.methods.rgsn.net:PRESETS",
        train="propago.methods.rgsn.train:task",
    ),
    "first_mask": Component(
        "propago.methods.first_mask.run:FirstMask",
        "Baseline: the first mask, repeated",
    ),
    "optical_flow": Component(
        "propago.methods.optical_flow.run:OpticalFlow",
        "Baseline: the first mask, carried by DIS optical flow",
    ),
}

REFINERS: dict[str, Component] = {
    "spn": Component(
        "propago.refinement.spn.run:Spn",
        "Spatial propagation network (Liu et al. 2017), object by object",
        presets="propago.refinement.spn.net:PRESETS",
        train="propago.refinement.spn.train:task",
        export="propago.refinement.spn.export:parts",
    ),
}

CLEANERS: dict[str, Component] = {
    "craf": Component(
        "propago.refinement.craf.run:Craf",
        "Connected-region-aware filter (Cheng et al. 2017)",
    ),
}

DETECTORS: dict[str, Component] = {
    "masktrack_rcnn": Component(
        "propago.methods.masktrack_rcnn.run:MaskTrackDetector",
        "Mask R-CNN with an embedding of each instance, for `masktrack` (Yang et al. 2019)",
        presets="propago.methods.masktrack_rcnn.net:PRESETS",
        associator="masktrack",
        train="propago.methods.masktrack_rcnn.train:task",
        export="propago.methods.masktrack_rcnn.export:parts",
    ),
    "mask_rcnn": Component(
        "propago.methods.mask_rcnn.run:MaskRcnnDetector",
        "Proposals, and the class, box and mask of each (He et al. 2017)",
        presets="propago.methods.mask_rcnn.net:PRESETS",
        train="propago.methods.mask_rcnn.train:task",
        export="propago.nn.rcnn_onnx:rcnn_parts",
    ),
    "bridging": Component(
        "propago.methods.bridging.run:BridgingDetector",
        "A category and a box for every position, grouped by voting (Wu et al. 2016)",
        presets="propago.methods.bridging.net:PRESETS",
        train="propago.methods.bridging.train:task",
    ),
    "transformers": Component(
        "propago.methods.transformers.run:TransformersDetector",
        "Mask2Former, MaskFormer, DETR of the Hugging Face hub; `weights` names one",
    ),
}

ASSOCIATORS: dict[str, Component] = {
    "iou": Component(
        "propago.association.iou:IouAssociator",
        "Overlap with where instances are expected, by the Hungarian method (as SORT)",
    ),
    "bytetrack": Component(
        "propago.association.iou:IouAssociator.in_two_passes",
        "The same, in a second pass for doubtful detections (Zhang et al. 2022)",
    ),
    "cells": Component(
        "propago.association.iou:IouAssociator.for_cells",
        "As iou, for cells: no steady motion, and what divides ends, its parts are new",
    ),
    "masktrack": Component(
        "propago.association.masktrack:MaskTrackAssociator",
        "Embeddings, confidence, overlap and class, one by one (Yang et al. 2019)",
    ),
}

PROMPTERS: dict[str, Component] = {
    "ritm": Component(
        "propago.methods.ritm.run:Ritm",
        "A network that sees clicks, a box and the mask before (Sofiiuk et al. 2021)",
        presets="propago.methods.ritm.net:PRESETS",
        train="propago.methods.ritm.train:task",
    ),
    "grabcut": Component(
        "propago.methods.grabcut.run:GrabCut",
        "By colours and edges alone, without a network (Rother et al. 2004)",
    ),
}

PROMPTER = "ritm"
"""Of `PROMPTERS`, where nothing else is asked for."""

KINDS: dict[str, dict[str, Component]] = {
    "method": PROPAGATORS,
    "refine": REFINERS,
    "clean": CLEANERS,
    "detector": DETECTORS,
    "associator": ASSOCIATORS,
    "prompter": PROMPTERS,
}
"""Every table, by the argument that takes its names."""


def load_component(
    table: Mapping[str, Component], part: Any, argument: str, **settings: Any
) -> Any:
    """The part that `part` names, loaded with `settings`; an object as it is.

    Args:
        table: the names that are legal.
        part: a name, or an object; None and "none" are no part.
        argument: what the caller calls it.
        settings: for `Component.load`; of no use to an object.

    Raises:
        UsageError: no such name, or a class in place of an object.
    """
    if isinstance(part, type):
        raise UsageError(f"`{argument}` is the class {part.__name__}: give an object of it")
    if not isinstance(part, str):
        return part
    if part == "none":
        return None
    return component(table, part, argument).load(**settings)


def load_carrier(part: Any, **settings: Any) -> Any:
    """What `part` names, for carrying detections: as cheap as its row says, but for `settings`.

    Raises:
        UsageError: no such name.
    """
    cheap = PROPAGATORS[part].carry if isinstance(part, str) and part in PROPAGATORS else {}
    return load_component(PROPAGATORS, part, "carry", **{**cheap, **settings})


def load_method(name: str = "feelvos", **settings: Any) -> Any:
    """The propagator called `name`, ready to run.

    Args:
        name: in `PROPAGATORS`.
        settings: as its `load` takes them: preset, weights, device, size, finetune.

    Raises:
        UsageError: no such method, setting, preset or device.
        WeightsError: no such weights, corrupt, or of another network.
    """
    return component(PROPAGATORS, name, "method").load(**settings)


def component(table: Mapping[str, Component], name: str, argument: str) -> Component:
    """The line of a table.

    Raises:
        UsageError: no such name.
    """
    if name not in table:
        near = get_close_matches(name, table, 1)
        hint = f"did you mean {near[0]}? There are" if near else "there are"
        raise UsageError(f"`{argument}` {name}: {hint} {', '.join(table)}")
    return table[name]


def imported(path: str) -> Any:
    """The object at "module:attribute" or "module:class.attribute"."""
    module, _, attribute = path.partition(":")
    return attrgetter(attribute)(import_module(module))
