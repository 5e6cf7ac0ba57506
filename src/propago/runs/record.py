"""What run.json says: how a run was made, from what, and how it ended."""

import hashlib
import json
import platform
import sys
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import torch

import propago
from propago.errors import PropagoWarning, UsageError
from propago.io.source import Source
from propago.nn.inference import choose_device
from propago.runs.options import RunOptions
from propago.types import Annotation

CORRECTED = "corrected"
"""The status of results that a person has corrected."""

_PACKAGES = ("torch", "numpy", "opencv-python-headless", "av", "pillow")
_GIVEN = "given"
_NOTHING = (None, "", {}, [])
_MACHINE = ("device", "threads")
"""What changes a result in its last bits alone: other ones are said, not refused."""


def described(part: object) -> dict[str, Any]:
    """What a part says about itself: its name, weights, their hash and licence; {} of None."""
    if part is None:
        return {}
    said = getattr(part, "description", None) or {"name": type(part).__qualname__}
    return json.loads(json.dumps(dict(said)))


def run_inputs(source: Source, options: RunOptions) -> dict[str, Any]:
    """What decides the results of any run on `source`, as JSON values."""
    return {
        "source": source.name,
        "size": list(source.size),
        "start": options.start,
        "end": options.end,
        "every": options.every,
        "contrast": list(source.contrast),
        "channel": options.channel,
        "seed": options.seed,
        "device": choose_device(options.device).type,
        "threads": torch.get_num_threads(),
    }


def digest_of(annotation: Annotation) -> str:
    """What `first_change` compares of a person's masks of a frame."""
    digest = hashlib.sha256(f"{annotation.labels.dtype} {sorted(annotation.ended)}".encode())
    digest.update(annotation.labels.tobytes())
    return digest.hexdigest()


def new_record(
    source: Source,
    options: RunOptions,
    inputs: Mapping[str, Any],
    given: Mapping[int, str],
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """The record of a run that begins now."""
    return {
        "propago": propago.__version__,
        "status": "running",
        "command": sys.argv,
        "started": now(),
        "inputs": {**inputs, _GIVEN: {str(index): given[index] for index in sorted(given)}},
        "source": {
            "path": str(source.path),
            "fps": str(source.fps) if source.fps else None,
            "frame_count": source.frame_count,
            "begins": source.begins,
        },
        **about,
        "options": asdict(options),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in _PACKAGES},
        "platform": platform.platform(),
    }


def refuse_other_inputs(record: Mapping[str, Any], inputs: Mapping[str, Any], where: str) -> None:
    """Refuse to go on with a run that was made of other inputs; another processor is only said.

    Raises:
        UsageError: the inputs differ, the message says in what; or the results were corrected.
    """
    if record.get("status") == CORRECTED:
        raise UsageError(
            f"`resume`: what lies in {where} was corrected by hand and is no run that goes on; "
            "choose another `out`"
        )
    before = record.get("inputs", {})
    differing = [key for key in inputs if before.get(key) != inputs[key]]
    told = {key: _difference(key, before.get(key), inputs[key]) for key in differing}
    decisive = [key for key in differing if key not in _MACHINE]
    if decisive:
        raise UsageError(
            f"`resume`: the run in {where} was made with another {' and '.join(decisive)} "
            f"({told[decisive[0]]}); repeat its command, or begin again with `overwrite`"
        )
    if differing:
        warnings.warn(
            f"the run in {where} goes on with other processors ({'; '.join(told.values())}): "
            "masks may differ in a few pixels from those of one run",
            PropagoWarning,
            stacklevel=2,
        )


def first_change(record: Mapping[str, Any], given: Mapping[int, str], where: str) -> int | None:
    """The first frame for which something else is given than for an earlier run; None if none is.

    Args:
        record: of the earlier run.
        given: what is given now, as digests by frame.
        where: the folder of the run.

    Raises:
        UsageError: no frame of the run with an object comes before it.
    """
    told = record.get("inputs", {}).get(_GIVEN)
    before = {int(index): digest for index, digest in dict(told or {}).items()}
    differing = [i for i in before.keys() | given if before.get(i) != given.get(i)]
    if not differing:
        return None
    changed = min(differing)
    if changed <= min(before.keys() | given):
        raise UsageError(
            f"`resume`: the run in {where} was made with another given mask of frame {changed}, "
            "the first one: no frame of it can stay; repeat its command, or begin again with "
            "`overwrite`"
        )
    return changed


def _difference(name: str, then: Any, now: Any) -> str:
    """The first thing that differs, in words; of a digest its beginning is enough."""
    if isinstance(then, dict) and isinstance(now, dict) and (then and now):
        key = next(key for key in {**now, **then} if then.get(key) != now.get(key))
        inner = key if name.split()[-1] == key else f"{name} {key}"
        return _difference(inner, then.get(key), now.get(key))
    then, now = ("nothing" if value in _NOTHING else f"{value!r:.40}" for value in (then, now))
    return f"{name}: then {then}, now {now}"


def now() -> str:
    """The time, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
