"""A CUDA device gives what the CPU gives, but for rounding."""

import numpy as np
import pytest
import torch

import propago
from propago.ops.scan import propagate
from tiny_clip import as_frames, tiny_clip

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def test_a_method_labels_the_same_pixels():
    images, labels = tiny_clip(4, (96, 128), (1, 5))
    given = {0: propago.Annotation(labels[0])}
    here, there = (
        [
            result.labels
            for result in propago.segment_frames(
                as_frames(images), given, propago.load_method(device=device)
            )
        ]
        for device in ("cpu", "cuda")
    )
    assert np.mean(np.stack(here) == np.stack(there)) > 0.99


def test_the_scan_of_the_spatial_propagation_network_is_the_same():
    x, gates = torch.rand(1, 2, 24, 32), torch.rand(1, 1, 4, 3, 24, 32) - 0.5
    here, there = (propagate(x.to(device), gates.to(device)).cpu() for device in ("cpu", "cuda"))
    torch.testing.assert_close(there, here, rtol=1e-4, atol=1e-5)


def test_refined_masks_are_the_same():
    images, labels = tiny_clip(1, (96, 128))
    mask = (labels[0] > 0).astype(np.float32)
    here, there = (propago.refine(images[0], mask, device=device) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(there, here, atol=1e-2)
