"""What run.json says: how a run was made, from what, and how it ended."""

import hashlib
import json
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import torch

import propago
from propago.errors import UsageError
from propago.io.source import Source
from propago.jobs.annotations import AnnotationSet
from propago.jobs.options import SegmentOptions
from propago.jobs.run_folder import RunFolder
from propago.types import Propagator, Refiner

_PACKAGES = ("torch", "numpy", "opencv-python-headless", "av", "pillow")


def description_of(method: Propagator) -> dict[str, Any]:
    """What the method says about itself: its name, preset, weights, their hash and licence."""
    said = getattr(method, "description", {"method": type(method).__qualname__})
    return json.loads(json.dumps(dict(said)))


def refiner_weights(refiner: Refiner | None) -> dict[str, Any]:
    """The weights of a refiner, their hash and licence; empty where it says nothing of them."""
    return dict(getattr(refiner, "description", {}))


def inputs_of(
    source: Source,
    first: AnnotationSet,
    method: Propagator,
    options: SegmentOptions,
    refiner: Refiner | None,
) -> dict[str, Any]:
    """All that decides the masks, as JSON values. Equal inputs give equal masks."""
    return {
        "source": source.name,
        "size": list(source.size),
        "start": options.start,
        "end": options.end,
        "every": options.every,
        "given": _digest(first),
        "finetune": options.finetune,
        "method": description_of(method),
        "working_size": options.size,
        "refine": options.refine,
        "refine_weights_sha256": refiner_weights(refiner).get("weights_sha256"),
        "clean": options.clean,
        "seed": options.seed,
    }


def new_record(
    source: Source, first: AnnotationSet, options: SegmentOptions, inputs: dict[str, Any]
) -> dict[str, Any]:
    """The record of a run that begins now."""
    return {
        "propago": propago.__version__,
        "status": "running",
        "command": sys.argv,
        "started": now(),
        "inputs": inputs,
        "source": {
            "path": str(source.path),
            "fps": str(source.fps) if source.fps else None,
            "frame_count": source.frame_count,
        },
        "given": {str(index): list(masks.ids) for index, masks in first.given.items()},
        "boxes": [str(box) for made in first.boxed for box in made.boxes],
        "notes": list(first.notes),
        "options": asdict(options),
        "seed": options.seed,
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in _PACKAGES},
        "platform": platform.platform(),
    }


def refuse_other_inputs(folder: RunFolder, earlier: dict[str, Any], inputs: dict[str, Any]) -> None:
    """Refuse to go on with a run that was made of other inputs.

    Raises:
        UsageError: the inputs differ; the message says in what.
    """
    before = earlier.get("inputs", {})
    differing = [key for key in inputs if before.get(key) != inputs[key]]
    if differing:
        key = differing[0]
        raise UsageError(
            f"--resume: the run in {folder.root} was made with another {' and '.join(differing)} "
            f"({key}: then {before.get(key)!r}, now {inputs[key]!r}); repeat its command, or use "
            "--overwrite to begin again"
        )


def now() -> str:
    """The time, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _digest(first: AnnotationSet) -> str:
    digest = hashlib.sha256()
    for index, masks in sorted(first.given.items()):
        digest.update(f"{index} {masks.labels.dtype} {sorted(masks.ended)}".encode())
        digest.update(masks.labels.tobytes())
    return digest.hexdigest()
