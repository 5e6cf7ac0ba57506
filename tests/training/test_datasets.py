import numpy as np
import pytest
import torch
from accelerate.utils import send_to_device

from propago.data.crops import Crop
from propago.data.synthetic import SyntheticClips
from propago.methods.feelvos import train as feelvos
from propago.methods.seg_with_spn import train as seg_with_spn
from propago.refinement.spn import train as spn
from propago.training.datasets import NumberedExamples, load

CLIPS = SyntheticClips(size=(32, 32), frames=2, max_objects=2)


class Crops:
    """Draws empty crops."""

    def sample(self, rng):
        plane = np.zeros((32, 32), np.uint8)
        return Crop(np.zeros((32, 32, 3), np.uint8), plane.astype(np.float32), plane)


@pytest.mark.parametrize(
    ("dataset", "collate"),
    [(CLIPS, feelvos.collate), (CLIPS, seg_with_spn.collate), (Crops(), spn.collate)],
)
def test_accelerate_moves_every_tensor_of_a_batch(dataset, collate):
    batch = next(iter(load(NumberedExamples(dataset, 0, 0, 4), 2, collate, 0)))
    moved = send_to_device(batch, "meta")
    assert type(moved) is type(batch)
    for tensor in moved:
        assert tensor.device == torch.device("meta")
        assert len(tensor) == 2


def test_flow_leads_to_the_frame_before():
    rng = np.random.default_rng(0)
    wide = np.kron(rng.integers(0, 255, (16, 20)), np.ones((8, 8))).astype(np.uint8)
    images = np.stack([np.repeat(wide[:, x : x + 96, None], 3, 2) for x in (8, 4, 0)])
    flow = feelvos.backward_flow(images)
    assert flow.shape == (2, 2, 128, 96)
    inside = flow[:, :, 24:-24, 24:-24]
    assert np.median(inside[:, 0]) == pytest.approx(-4, abs=0.5)
    assert np.median(inside[:, 1]) == pytest.approx(0, abs=0.5)


def test_an_example_is_what_its_number_says():
    whole = NumberedExamples(CLIPS, 5, 0, 4)
    later = NumberedExamples(CLIPS, 5, 2, 2)
    assert (len(whole), len(later)) == (4, 2)
    assert np.array_equal(whole[3].images, later[1].images)
    assert not np.array_equal(whole[0].images, later[0].images)
