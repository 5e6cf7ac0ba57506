"""What the default method says of training sequences, for a network that learns to sharpen it."""

from pathlib import Path

import cv2
import numpy as np
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
from propago.types import Frame, Scores

EVERY_FRAMES = 3
"""Scores of every so many frames are kept."""


def predicted_objects(root: Path, set_name: str, weights: str, kept: Path) -> list[Predicted]:
    """Every object in every third frame of the sequences of a DAVIS set.

    Each sequence is followed from its first annotation; its scores are kept in a folder of `kept`
    and made only where that is absent.

    Args:
        root: a DAVIS root.
        set_name: a set of it.
        weights: of the default method; those that have not learnt from these sequences err as
            they would on others.
        kept: a folder.

    Raises:
        SourceError: no DAVIS root, no such set, or an unreadable frame.
        MaskError: a sequence has no annotation.
    """
    found = []
    for source in open_davis(root, Path(set_name)):
        folder = kept / source.name
        if not folder.is_dir():
            _follow(root, source, weights, folder)
        pictures = {path.stem: path for path in stills_in(source.path)}
        annotations = davis_annotations(root, source.name)
        for scores in sorted(folder.glob("*.png")):
            name, _, i = scores.stem.rpartition("-")
            still = Still(pictures[name], IndexedMask(annotations / f"{name}.png"))
            found.append(Predicted(still, int(i), scores))
    return found


def _follow(root: Path, source: Source, weights: str, folder: Path) -> None:
    """Write FRAME-ID.png for the objects of a sequence, all or none."""
    given, _ = read_given(root, source, only_first=True)
    begun = folder.with_name(folder.name + ".begun")
    begun.mkdir(parents=True, exist_ok=True)

    def keep(frame: Frame, scores: Scores) -> Scores:
        if frame.index not in given and frame.index % EVERY_FRAMES == 0:
            for i, row in zip(scores.ids, scores.probabilities, strict=True):
                _write(begun / f"{frame.name}-{i}.png", row)
        return scores

    for _ in segment_frames(source, given, load_method(weights=weights), refine=keep):
        pass
    begun.rename(folder)


def _write(path: Path, row: Tensor) -> None:
    grey = (row.numpy(force=True) * 255).round().astype(np.uint8)
    with replacing(path) as temporary:
        temporary.write_bytes(cv2.imencode(".png", grey)[1].tobytes())
