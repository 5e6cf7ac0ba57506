"""`eval` on masks as people save them: what a file means is the same as for every other verb."""

import cv2
import numpy as np
import pytest
from PIL import Image

from propago.errors import MaskError
from propago.io.masks import write_mask
from propago.io.palette import voc_palette
from propago.jobs.evaluate import evaluate

FRAMES = 5
WEB = np.array([(0, 0, 0), (230, 25, 75), (60, 180, 75)], np.uint8)


def labels(frame: int) -> np.ndarray:
    drawn = np.zeros((48, 64), np.uint8)
    cv2.circle(drawn, (20 + frame, 20), 9, 1, -1)
    cv2.rectangle(drawn, (35, 25 + frame), (55, 40), 2, -1)
    return drawn


def folder(path, save):
    path.mkdir(parents=True)
    for frame in range(FRAMES):
        save(labels(frame), path / f"{frame:05d}.png", frame)
    return path


def plain(drawn, path, frame):
    write_mask(path, drawn)


def white(drawn, path, frame):
    Image.fromarray((drawn > 0) * np.uint8(255)).save(path)


def once_a_jpeg(drawn, path, frame):
    white(drawn, path.with_suffix(".jpg"), frame)
    with Image.open(path.with_suffix(".jpg")) as picture:
        picture.save(path)
    path.with_suffix(".jpg").unlink()


def shuffled(drawn, path, frame, colours=None):
    """Colours stay, their indices change from frame to frame, and black is not always 0."""
    colours = voc_palette()[:3] if colours is None else colours
    order = np.roll(np.arange(3), frame)
    picture = Image.fromarray(np.argsort(order).astype(np.uint8)[drawn])
    picture.putpalette(colours[order].tobytes())
    picture.save(path)


def web(drawn, path, frame):
    shuffled(drawn, path, frame, WEB)


def mean(results, gt, protocol="davis2017"):
    return evaluate(results, gt, protocol).figures["J&F"]


@pytest.mark.parametrize("save", [plain, shuffled, web])
def test_palettes_keep_identities(tmp_path, save):
    other = folder(tmp_path / "a", save)
    ours = folder(tmp_path / "b", web if save is web else plain)
    assert mean(other, ours) == mean(ours, other) == 1


def test_noise_of_a_jpeg_is_one_object_on_either_side(tmp_path):
    noisy, clean = folder(tmp_path / "noisy", once_a_jpeg), folder(tmp_path / "clean", plain)
    assert mean(clean, noisy, "davis2016") == mean(noisy, clean, "davis2016") == 1
    with pytest.raises(MaskError, match="davis2016"):
        evaluate(clean, noisy)


def test_white_results_are_told_apart(tmp_path):
    with pytest.raises(MaskError, match=r"object 255.*are the results 0/255"):
        evaluate(folder(tmp_path / "white", white), folder(tmp_path / "clean", plain))
