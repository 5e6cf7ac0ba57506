"""Accuracy that may not drop: the scene of the demo, and real video where it is at hand."""

import os
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from propago.data.scene import demo_scene
from propago.io.davis import davis_annotations, open_davis
from propago.io.masks import read_mask
from propago.methods import load_method
from propago.metrics.davis import region_similarity
from propago.pipeline import segment_frames
from propago.types import Frame, GivenMasks

GOLDEN_J = {"default": 0.92, "synthetic": 0.83}
REAL = Path(os.environ.get("PROPAGO_DATA", Path(__file__).parents[2] / "shared/data")) / "davis"


def overlaps(frames, truths, method):
    """(T, K) J of every frame, the first given."""
    given = GivenMasks(truths[0])
    results = segment_frames(frames, {frames[0].index: given}, method)
    return np.array(
        [
            region_similarity(truth, result.labels, given.ids)
            for truth, result in zip(truths, results, strict=True)
        ]
    )


@pytest.mark.parametrize("weights", ["default", "synthetic"])
def test_the_demo_scene_stays_as_good_as_it_was(weights):
    images, truths = zip(*islice(demo_scene(size=(240, 426), frames=60), 16), strict=True)
    frames = [
        Frame(torch.from_numpy(image).permute(2, 0, 1).float() / 255, t, f"{t:05d}")
        for t, image in enumerate(images)
    ]
    j = overlaps(frames, truths, load_method(weights=weights, device="cpu"))
    assert j.shape == (16, 3)
    assert j[1:].mean() > GOLDEN_J[weights]


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real video in {REAL}: set PROPAGO_DATA")
@pytest.mark.parametrize("sequence", ["car-turn", "flamingo", "horsejump-low"])
def test_real_objects_are_followed(sequence):
    source = next(s for s in open_davis(REAL, Path("test")) if s.name == sequence)
    annotations = davis_annotations(REAL, sequence)
    frames = list(islice(source, 10))
    truths = [read_mask(annotations / f"{f.name}.png", may_be_empty=True).labels for f in frames]
    j = overlaps(frames, truths, load_method(device="cpu"))
    still = np.array([region_similarity(t, truths[0], GivenMasks(truths[0]).ids) for t in truths])
    assert j[1:].mean() > 0.87
    assert j[1:].mean() > still[1:].mean() + 0.1
