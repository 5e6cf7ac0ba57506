"""A detector and an associator of one's own: objects, or one line each in a table."""

import numpy as np
import pytest

import propago
from propago.components import ASSOCIATORS, DETECTORS, Component
from tiny_clip import tiny_clip


class Bright:
    """Finds one instance: what is brighter than the picture's mean."""

    def __init__(self, above=0.1):
        self.above, self.description = above, {"detector": "bright"}

    def __call__(self, frame):
        grey = frame.image.mean(0)
        mask = (grey > grey.mean() + self.above).numpy()
        return propago.Detections.of_masks(mask[None])


class ByOrder:
    """The n-th detection of every frame is instance n; its state counts the frames."""

    def __init__(self):
        self.description = {"associator": "by order"}

    def begin(self):
        return 0

    def associate(self, state, found):
        ids = np.arange(1, len(found) + 1)
        named = propago.Detections.of_masks(found.masks, found.classes, found.confidence, ids)
        return named, state + 1


@pytest.mark.parametrize("by_name", [False, True])
def test_they_run_in_a_tracker(monkeypatch, by_name):
    parts = (Bright(), ByOrder())
    if by_name:
        parts = ("bright", "by_order")
        monkeypatch.setitem(DETECTORS, "bright", Component(f"{__name__}:Bright", "What is bright"))
        monkeypatch.setitem(ASSOCIATORS, "by_order", Component(f"{__name__}:ByOrder", "Order"))
    pictures, _ = tiny_clip(4, (48, 64), (1,))
    results = list(propago.track_frames(pictures, *parts))
    assert [result.detections.ids.tolist() for result in results] == [[1]] * 4
    assert results[-1].checkpoint.state == 4
