import numpy as np

from methods.contract import PropagatorContract
from propago.methods.first_mask.run import FirstMask
from propago.methods.optical_flow.run import OpticalFlow
from propago.pipeline import segment_frames
from propago.types import Annotation
from tiny_clip import as_frames, tiny_clip


class TestFirstMask(PropagatorContract):
    packages = ("propago",)

    def make(self):
        return FirstMask()

    def test_every_frame_has_the_first_mask(self):
        _, labels = tiny_clip(4)
        for result in self.run({0: Annotation(labels[0])}, frames=4):
            assert np.array_equal(result.labels, labels[0])


class TestFlowCarried(PropagatorContract):
    packages = ("propago",)

    def make(self):
        return OpticalFlow()

    def test_the_mask_follows_the_object(self):
        images, labels = tiny_clip(8, size=(96, 128))
        given = {0: Annotation(labels[0])}
        carried = list(segment_frames(as_frames(images), given, OpticalFlow()))
        repeated = list(segment_frames(as_frames(images), given, FirstMask()))
        assert overlap(carried[-1].labels, labels[-1]) > 0.6
        assert overlap(repeated[-1].labels, labels[-1]) < 0.3


def overlap(a, b) -> float:
    return ((a == 1) & (b == 1)).sum() / ((a == 1) | (b == 1)).sum()
