import numpy as np
import pytest
import torch
from accelerate.utils import send_to_device

from propago.data.crops import Crop
from propago.data.synthetic import SyntheticClips
from propago.training.batches import (
    ClipExamples,
    CropExamples,
    NumberedExamples,
    PictureExamples,
    load,
)

CLIPS = SyntheticClips(size=(32, 32), frames=2, max_objects=2)


class Crops:
    """Draws empty crops."""

    def sample(self, rng):
        plane = np.zeros((32, 32), np.uint8)
        return Crop(np.zeros((32, 32, 3), np.uint8), plane.astype(np.float32), plane)


@pytest.mark.parametrize(
    "examples", [ClipExamples(CLIPS), PictureExamples(CLIPS), CropExamples(Crops())]
)
def test_accelerate_moves_every_tensor_of_a_batch(examples):
    parts = next(iter(load(NumberedExamples(examples, 0, 0, 4), 2, 0)))
    batch = examples.batch(send_to_device(parts, "meta"))
    for name, tensor in vars(batch).items():
        assert tensor.device == torch.device("meta"), name
        assert len(tensor) == 2
