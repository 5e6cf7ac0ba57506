"""propago: video instance segmentation that people can install, trust and change.

    import propago

    result = propago.segment("clip.mp4", "first_mask.png")

Public names are imported when they are first used, so that `import propago` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from propago.components import PROPAGATORS, load_method
    from propago.errors import (
        MaskError,
        OutputError,
        PropagoError,
        ShapeError,
        SourceError,
        UsageError,
        WeightsError,
    )
    from propago.io.masks import read_mask, write_mask
    from propago.io.source import Source
    from propago.io.video import open_source
    from propago.jobs.annotations import Box
    from propago.jobs.clean import clean
    from propago.jobs.doctor import doctor
    from propago.jobs.evaluate import evaluate
    from propago.jobs.frame import still
    from propago.jobs.identity import evaluate_identity
    from propago.jobs.options import SegmentOptions
    from propago.jobs.refine import refine, refine_masks
    from propago.jobs.report import write_report
    from propago.jobs.run_segment import SegmentResult
    from propago.jobs.segment import segment, segment_set
    from propago.metrics.evaluation import Evaluation
    from propago.pipeline import Checkpoint, Segmented, segment_frames
    from propago.refinement.craf.run import Craf
    from propago.refinement.craf.settings import CrafSettings
    from propago.refinement.spn.run import Spn
    from propago.refinement.spn.settings import SpnSettings
    from propago.types import Annotation, Frame, SoftMasks

_HOMES = {
    "PROPAGATORS": "propago.components",
    "Box": "propago.jobs.annotations",
    "Checkpoint": "propago.pipeline",
    "Craf": "propago.refinement.craf.run",
    "CrafSettings": "propago.refinement.craf.settings",
    "Evaluation": "propago.metrics.evaluation",
    "Frame": "propago.types",
    "Annotation": "propago.types",
    "MaskError": "propago.errors",
    "OutputError": "propago.errors",
    "PropagoError": "propago.errors",
    "SoftMasks": "propago.types",
    "SegmentOptions": "propago.jobs.options",
    "SegmentResult": "propago.jobs.run_segment",
    "Segmented": "propago.pipeline",
    "ShapeError": "propago.errors",
    "Source": "propago.io.source",
    "SourceError": "propago.errors",
    "Spn": "propago.refinement.spn.run",
    "SpnSettings": "propago.refinement.spn.settings",
    "UsageError": "propago.errors",
    "WeightsError": "propago.errors",
    "clean": "propago.jobs.clean",
    "doctor": "propago.jobs.doctor",
    "evaluate": "propago.jobs.evaluate",
    "evaluate_identity": "propago.jobs.identity",
    "load_method": "propago.components",
    "open_source": "propago.io.video",
    "read_mask": "propago.io.masks",
    "refine": "propago.jobs.refine",
    "refine_masks": "propago.jobs.refine",
    "segment": "propago.jobs.segment",
    "segment_frames": "propago.pipeline",
    "segment_set": "propago.jobs.segment",
    "still": "propago.jobs.frame",
    "write_mask": "propago.io.masks",
    "write_report": "propago.jobs.report",
}

__all__ = [
    "PROPAGATORS",
    "Annotation",
    "Box",
    "Checkpoint",
    "Craf",
    "CrafSettings",
    "Evaluation",
    "Frame",
    "MaskError",
    "OutputError",
    "PropagoError",
    "SegmentOptions",
    "SegmentResult",
    "Segmented",
    "ShapeError",
    "SoftMasks",
    "Source",
    "SourceError",
    "Spn",
    "SpnSettings",
    "UsageError",
    "WeightsError",
    "__version__",
    "clean",
    "doctor",
    "evaluate",
    "evaluate_identity",
    "load_method",
    "open_source",
    "read_mask",
    "refine",
    "refine_masks",
    "segment",
    "segment_frames",
    "segment_set",
    "still",
    "write_mask",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'propago' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
