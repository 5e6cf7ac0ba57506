"""Accuracy that may not drop: the clip of the demo, and real video where it is at hand."""

import os
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from propago.components import load_method
from propago.io.davis import open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.masks import read_mask
from propago.io.video import open_source
from propago.jobs.demo import DEMO_CLIP, demo_truth
from propago.metrics.davis import region_similarity
from propago.pipeline import segment_frames
from propago.types import Annotation

GOLDEN_J = {"default": 0.93, "synthetic": 0.83}
OTHERS_GOLDEN_J = {"rgmp": 0.89, "maskrnn": 0.87}
REAL_GOLDEN_J = {"breakdance-flare": 0.91, "drift-turn": 0.86, "kite-walk": 0.835}
"""Of sequences of `val`: `test` is for reporting only."""

REAL = Path(os.environ.get("PROPAGO_DATA", Path(__file__).parents[2] / "shared/data")) / "davis"


def overlaps(frames, truths, method):
    """(T, K) J of every frame, the first given."""
    given = Annotation(truths[0])
    results = segment_frames(frames, {frames[0].index: given}, method)
    return np.array(
        [
            region_similarity(truth, result.labels, given.ids)
            for truth, result in zip(truths, results, strict=True)
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["default", "synthetic"])
def test_the_demo_clip_is_followed_as_well_as_it_was(weights):
    frames = list(open_source(DEMO_CLIP / "clip.mp4", end=16))
    truths = demo_truth()[:16]
    j = overlaps(frames, truths, load_method(weights=weights, size=240, device="cpu"))
    assert j.shape == (16, 3)
    assert j[1:].mean() > GOLDEN_J[weights]


@pytest.mark.parametrize("method", OTHERS_GOLDEN_J)
def test_other_methods_follow_the_demo_clip_as_well_as_they_did(method):
    frames = list(open_source(DEMO_CLIP / "clip.mp4", end=5))
    j = overlaps(frames, demo_truth()[:5], load_method(method, device="cpu"))
    assert j[1:].mean() > OTHERS_GOLDEN_J[method]


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real video in {REAL}: set PROPAGO_DATA")
@pytest.mark.parametrize("sequence", REAL_GOLDEN_J)
def test_real_objects_are_followed(sequence):
    source = next(s for s in open_davis(REAL, Path("val")) if s.name == sequence)
    annotations = davis_annotations(REAL, sequence)
    frames = list(islice(source, 10))
    truths = [read_mask(annotations / f"{f.name}.png", may_be_empty=True).labels for f in frames]
    j = overlaps(frames, truths, load_method(device="cpu"))
    still = np.array([region_similarity(t, truths[0], Annotation(truths[0]).ids) for t in truths])
    assert j[1:].mean() > REAL_GOLDEN_J[sequence]
    assert j[1:].mean() > still[1:].mean() + 0.1
