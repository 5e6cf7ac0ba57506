"""A method of one's own: an object, or a name by one line of the table."""

import numpy as np
import pytest
import torch
from PIL import Image

import propago
from propago.components import PROPAGATORS, Component


class ByColour:
    """An object is where the picture has the colour of its last given mask, and nothing else."""

    look_ahead_frames = 0

    def __init__(self, sharpness: float = 50.0):
        self.sharpness, self.description = sharpness, {"method": "by colour"}

    def begin(self):
        return {}

    def predict(self, colours, frame):
        rows = [(frame.image - c[:, None, None]).norm(dim=0) for c in colours.values()]
        distances = torch.stack(rows) if rows else torch.zeros(0, *frame.size)
        return propago.SoftMasks(tuple(colours), (-self.sharpness * distances).exp()), frame.image

    def update(self, colours, image, masks, annotation):
        given = annotation.ids if annotation else ()
        new = {i: image[:, torch.from_numpy(annotation.labels == i)].mean(1) for i in given}
        return {i: c for i, c in (colours | new).items() if i in masks.ids}

    def aggregate(self, masks):
        return masks


@pytest.fixture
def film(tmp_path):
    """A light square, object 7, that moves over grey, and its true masks."""
    (tmp_path / "film").mkdir()
    (tmp_path / "truth").mkdir()
    for t in range(6):
        labels = np.zeros((24, 32), np.uint8)
        labels[4:12, 2 * t : 2 * t + 8] = 7
        propago.write_mask(tmp_path / f"truth/{t}.png", labels)
        picture = np.where(labels[..., None] == 7, [250, 240, 20], 90).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / f"film/{t}.png")
    return tmp_path / "film"


@pytest.mark.parametrize("by_name", [False, True])
def test_it_carries_an_object_through_a_video(film, tmp_path, monkeypatch, by_name):
    monkeypatch.setitem(PROPAGATORS, "by_colour", Component(f"{__name__}:ByColour", "By colour"))
    method, truth = "by_colour" if by_name else ByColour(), tmp_path / "truth"
    run = propago.segment(film, truth / "0.png", method=method, out=tmp_path / "out")
    assert (run.frames, run.ids, run.method["method"]) == (6, (7,), "by colour")
    assert propago.evaluate(run.masks, truth).figures["J&F"] == 1.0
