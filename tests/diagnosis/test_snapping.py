import cv2
import numpy as np
from PIL import Image

from propago.diagnosis.snapping import flat_values, snap
from propago.io.levels import levels_of
from propago.io.palette import voc_palette
from propago.io.raw_masks import RawMask, read_raw

COLOURS = voc_palette()
LABELS = np.zeros((60, 90), np.uint8)
LABELS[10:30, 5:30], LABELS[50:54, 10:80] = 1, 3
cv2.circle(LABELS, (60, 20), 11, 2, -1)


def test_no_third_object_appears_where_two_blend():
    # half red, half green is nearest to olive, which is legal too but nowhere near
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[:, :9], picture[:, 10:20], picture[:, 24:] = COLOURS[1], COLOURS[2], (64, 64, 0)
    picture[:, 9] = (64, 64, 0)
    legal = {tuple(int(v) for v in c): i for i, c in [(0, (0, 0, 0)), (1, COLOURS[1])]}
    legal |= {tuple(int(v) for v in COLOURS[2]): 2, (60, 60, 0): 3}
    labels, ambiguous = snap(levels_of(_raw_of(picture)), legal, lossy=False)
    assert set(np.unique(labels[:, 9]).tolist()) <= {1, 2}
    assert ambiguous >= 20


def _raw_of(picture):
    return RawMask("PNG", "RGB", "colour", picture)


def test_snapping_keeps_legal_values_and_their_number():
    legal = {tuple(c): i for i, c in enumerate(COLOURS[:4].tolist())}
    mended_labels, ambiguous = snap(levels_of(_raw_of(COLOURS[LABELS])), legal, lossy=False)
    np.testing.assert_array_equal(mended_labels, LABELS)
    assert ambiguous == 0


def test_compression_noise_is_gathered_to_clean_values():
    coordinates = np.array([[0], [2], [251], [255], [130]])
    core = np.array([1000, 50, 300, 40, 3])
    assert flat_values(coordinates, core, least_px=9) == ((0,), (255,))


def test_raw_reading_interprets_nothing(tmp_path):
    image = Image.fromarray(LABELS * 80)
    image.putpalette(COLOURS.tobytes())
    image.save(tmp_path / "00000.png")
    raw = read_raw(tmp_path / "00000.png")
    assert (raw.format, raw.mode, raw.kind) == ("PNG", "P", "index")
    np.testing.assert_array_equal(raw.values, LABELS * 80)
    assert levels_of(raw).coordinates.ravel().tolist() == [0, 80, 160, 240]
