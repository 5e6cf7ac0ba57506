"""What networks say of training sequences, for a network that learns to sharpen it."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from accelerate import PartialState
from torch import Tensor

from propago.components import load_method
from propago.data.crops import Predicted
from propago.data.stills import Still, reader_of
from propago.io.annotations import read_annotations
from propago.io.atomic import replacing
from propago.io.davis import open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.masks import read_mask
from propago.io.source import Source
from propago.io.stills import stills_in
from propago.methods.seg_with_spn.net import PRESETS, SegNet, foreground_probability
from propago.nn.inference import channels_last
from propago.nn.weights import fill, load_weights
from propago.pipeline import segment_frames
from propago.types import Annotation, Frame, Propagator, SoftMasks

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
    folder = kept / f"{method.description['weights_sha256'][:12]}-{EVERY_FRAMES}"
    return _kept_objects(root, set_name, folder, partial(_follow, root, method))


def foreground_objects(root: Path, set_name: str, kept: Path) -> list[Predicted]:
    """The object in every third frame that has one alone, as the foreground network sees it.

    The network is that of Seg-with-SPN, compact, whose output has stride 8. Kept as
    `predicted_objects` keeps its scores.

    Args:
        root: a DAVIS root.
        set_name: a set of it.
        kept: a folder.

    Raises:
        SourceError: no DAVIS root, no such set, or an unreadable frame.
        MaskError: an unreadable annotation.
    """
    weights = load_weights(PRESETS["compact"].weights["default"], PRESETS["compact"].network)
    net = SegNet()
    fill(net, weights)
    folder = kept / f"{weights.sha256[:12]}-{EVERY_FRAMES}"
    return _kept_objects(root, set_name, folder, partial(_look, root, channels_last(net).eval()))


Keep = Callable[[Frame, int, Tensor], None]
"""Called with a frame, the id of an object in it, and its scores (H, W)."""


def _kept_objects(
    root: Path, set_name: str, kept: Path, say: Callable[[Source, Keep], None]
) -> list[Predicted]:
    """What is kept of the sequences of a set; what is not is said now. The main process says it."""
    sources = open_davis(root, Path(set_name))
    with PartialState().main_process_first():
        for source in sources:
            if not (kept / source.name).is_dir():
                _keep_all(source, kept / source.name, say)
    found = []
    for source in sources:
        pictures = {path.stem: path for path in stills_in(source.path)}
        annotations = davis_annotations(root, source.name)
        for scores in sorted((kept / source.name).glob("*.png")):
            name, _, i = scores.stem.rpartition("-")
            still = Still(pictures[name], reader_of(annotations / f"{name}.png"))
            found.append(Predicted(still, int(i), scores))
    return found


def _keep_all(source: Source, folder: Path, say: Callable[[Source, Keep], None]) -> None:
    """Write FRAME-ID.png for the objects of a sequence, all or none."""
    begun = folder.with_name(folder.name + ".begun")
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir(parents=True)
    say(source, lambda frame, i, row: _write(begun / f"{frame.name}-{i}.png", row))
    begun.rename(folder)


def _follow(root: Path, method: Propagator, source: Source, keep: Keep) -> None:
    """Keep what `method` says from the first annotation on."""
    given, _ = read_annotations(root, source, only_first=True)

    def hear(frame: Frame, scores: SoftMasks) -> SoftMasks:
        if frame.index not in given and frame.index % EVERY_FRAMES == 0:
            for i, row in zip(scores.ids, scores.probabilities, strict=True):
                keep(frame, i, row)
        return scores

    for _ in segment_frames(source, given, method, refine=_Heard(hear)):
        pass


class _Heard:
    """A refiner that changes nothing and hears everything."""

    def __init__(self, hear: Callable[[Frame, SoftMasks], SoftMasks]):
        self.hear, self.description = hear, {}

    def __call__(self, frame: Frame, masks: SoftMasks) -> SoftMasks:
        return self.hear(frame, masks)


def _look(root: Path, net: SegNet, source: Source, keep: Keep) -> None:
    """Keep what `net` sees in frames with one object."""
    annotations = davis_annotations(root, source.name)
    for frame in source:
        if frame.index % EVERY_FRAMES == 0:
            labels = read_mask(annotations / f"{frame.name}.png", may_be_empty=True).labels
            ids = Annotation(labels).ids
            if len(ids) == 1:
                seen = foreground_probability(net, frame.image, PRESETS["compact"].size)
                keep(frame, ids[0], seen)


def _write(path: Path, row: Tensor) -> None:
    grey = (row.numpy(force=True) * 255).round().astype(np.uint8)
    with replacing(path) as temporary:
        temporary.write_bytes(cv2.imencode(".png", grey)[1].tobytes())
