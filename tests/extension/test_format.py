"""A mask format of one's own: text files of digits, as an object or by a line of the table."""

from functools import partial

import numpy as np

from propago.io.formats import FORMATS, open_masks
from propago.io.mask_sequence import MaskSequence

LABELS = np.array([[0, 0, 1, 1], [0, 2, 2, 1]], np.uint8)


class DigitText:
    """FRAME.txt with one digit a pixel."""

    def sniff(self, path):
        return path.is_dir() and any(path.glob("*.txt"))

    def read(self, path):
        files = {file.stem: file for file in sorted(path.glob("*.txt"))}
        return MaskSequence(path, {n: partial(self._labels, f) for n, f in files.items()})

    def _labels(self, file):
        return np.array([list(map(int, line)) for line in file.read_text().splitlines()], np.uint8)


def test_as_an_object(tmp_path):
    (tmp_path / "00000.txt").write_text("0011\n0221")
    (tmp_path / "00001.txt").write_text("1100\n1220")
    masks = open_masks(tmp_path, format=DigitText())
    assert masks.names == ("00000", "00001")
    assert masks.size == (2, 4)
    np.testing.assert_array_equal(masks.labels("00001"), LABELS[:, ::-1])
    assert masks.soft_masks("00000").ids == (1, 2)


def test_as_one_line_of_the_table(tmp_path, monkeypatch):
    monkeypatch.setitem(FORMATS, "digit-text", DigitText())
    (tmp_path / "00000.txt").write_text("0011\n0221")
    np.testing.assert_array_equal(open_masks(tmp_path).labels("00000"), LABELS)
