import cv2
import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def data(tmp_path):
    """A data root with a DAVIS set of two frames."""
    root = tmp_path / "data" / "davis"
    for kind in ("JPEGImages", "Annotations"):
        (root / kind / "480p" / "bear").mkdir(parents=True)
    (root / "ImageSets").mkdir()
    (root / "ImageSets" / "some.txt").write_text("bear")
    for t in range(2):
        mask = np.zeros((60, 80), np.uint8)
        cv2.circle(mask, (30 + 10 * t, 30), 15, 1, -1)
        image = np.repeat(mask[..., None] * 150 + 60, 3, 2).astype(np.uint8)
        cv2.imwrite(str(root / "JPEGImages" / "480p" / "bear" / f"{t:05d}.jpg"), image)
        indexed = Image.fromarray(mask)
        indexed.putpalette([0, 0, 0, 200, 0, 0])
        indexed.save(root / "Annotations" / "480p" / "bear" / f"{t:05d}.png")
    return tmp_path / "data"
