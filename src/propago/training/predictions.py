"""What the default method says of training sequences, for a network that learns to sharpen it."""

import shutil
from pathlib import Path

import cv2
import numpy as np
from accelerate import PartialState
from torch import Tensor

from propago.data.crops import Predicted
from propago.data.stills import IndexedMask, Still
from propago.io.atomic import replacing
from propago.io.davis import davis_annotations, open_davis
from propago.io.given import read_given
from propago.io.source import Source
from propago.io.stills import stills_in
from propago.methods import load_method
from propago.pipeline import segment_frames
from propago.types import Frame, Propagator, Scores

EVERY_FRAMES = 3
"""Scores of every so many frames are kept."""


def predicted_objects(root: Path, set_name: str, weights: str, kept: Path) -> list[Predicted]:
    """Every object in every third frame of the sequences of a DAVIS set.

    Each sequence is followed from its first annotation. Its scores are kept in a folder of `kept`,
    whose name stands for the weights and the interval, and made only where that is absent. Of many
    processes the main one makes them, the others wait.

    Args:
        root: a DAVIS root.
        set_name: a set of it.
        weights: of the default method; those that have not learnt from these sequences err as
            they would on others.
        kept: a folder.

    Raises:
        SourceError: no DAVIS root, no such set, or an unreadable frame.
        MaskError: a sequence has no annotation.
        WeightsError: no such weights.
    """
    method = load_method(weights=weights)
    kept = kept / f"{method.description['weights_sha256'][:12]}-{EVERY_FRAMES}"
    sources = open_davis(root, Path(set_name))
    with PartialState().main_process_first():
        for source in sources:
            if not (kept / source.name).is_dir():
                _follow(root, source, method, kept / source.name)
    found = []
    for source in sources:
        folder = kept / source.name
        pictures = {path.stem: path for path in stills_in(source.path)}
        annotations = davis_annotations(root, source.name)
        for scores in sorted(folder.glob("*.png")):
            name, _, i = scores.stem.rpartition("-")
            still = Still(pictures[name], IndexedMask(annotations / f"{name}.png"))
            found.append(Predicted(still, int(i), scores))
    return found


def _follow(root: Path, source: Source, method: Propagator, folder: Path) -> None:
    """Write FRAME-ID.png for the objects of a sequence, all or none."""
    given, _ = read_given(root, source, only_first=True)
    begun = folder.with_name(folder.name + ".begun")
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir(parents=True)

    def keep(frame: Frame, scores: Scores) -> Scores:
        if frame.index not in given and frame.index % EVERY_FRAMES == 0:
            for i, row in zip(scores.ids, scores.probabilities, strict=True):
                _write(begun / f"{frame.name}-{i}.png", row)
        return scores

    for _ in segment_frames(source, given, method, refine=keep):
        pass
    begun.rename(folder)


def _write(path: Path, row: Tensor) -> None:
    grey = (row.numpy(force=True) * 255).round().astype(np.uint8)
    with replacing(path) as temporary:
        temporary.write_bytes(cv2.imencode(".png", grey)[1].tobytes())
