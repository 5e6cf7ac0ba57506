"""Which frame the name of a mask means, in a folder of masks."""

from pathlib import Path

import numpy as np
import pytest

from propago.errors import MaskError
from propago.io.annotations import read_annotations
from propago.io.masks import write_mask
from propago.io.source import Source

SIZE = (6, 8)


def source_of(stems=None, n=12):
    return Source("clip", Path("clip"), SIZE, None, n, range(n), lambda _: iter(()), stems)


def understood(folder, source, names):
    """The indices under which masks arrive, told apart by their pixels; and the notes."""
    folder.mkdir()
    for k, name in enumerate(names):
        labels = np.zeros(SIZE, np.uint8)
        labels.flat[: k + 1] = 1
        write_mask(folder / f"{name}.png", labels)
    given, notes = read_annotations(folder, source)
    by_mask = {int(mask.labels.sum()) - 1: index for index, mask in given.items()}
    return [by_mask[k] for k in range(len(names))], notes


IMAGES = tuple(f"img_{n:03d}" for n in range(1, 13))


@pytest.mark.parametrize(
    ("stems", "names", "indices", "said"),
    [
        (None, ["00000", "00004"], [0, 4], ""),
        (None, ["clip_00000", "clip_00004"], [0, 4], ""),
        (None, ["frame_000000", "frame_000004"], [0, 4], "0 is taken for frame 0, counted from 0"),
        (None, ["f1_mask", "f11_mask"], [1, 11], "1 is taken for frame 1, counted from 0"),
        (None, ["2024-05 take 3"], [3], "3 is taken for frame 3"),
        (None, [f"m{n}" for n in range(1, 13)], list(range(12)), "count from 1"),
        (IMAGES, ["img_003"], [2], ""),
        (IMAGES, ["clip_00003"], [3], ""),
        (IMAGES, ["mask3", "mask12"], [2, 11], "3 is taken for frame img_003"),
        (IMAGES, [f"m{n}" for n in range(12)], list(range(12)), "0 is taken for frame img_001"),
    ],
)
def test_a_mask_finds_its_frame_by_name_index_or_number(tmp_path, stems, names, indices, said):
    found, notes = understood(tmp_path / "m", source_of(stems), names)
    assert found == indices
    assert said in " ".join(notes)
    assert bool(notes) == bool(said)


@pytest.mark.parametrize(
    ("stems", "names", "match"),
    [
        (None, ["first"], "named like no frame"),
        (None, ["a_004", "b_004"], "both for one frame"),
        (None, ["00004", "frame_4"], "both for one frame"),
        (IMAGES, ["mask_40", "img_001"], "named like no frame"),
        (("a1", "b1"), ["mask_1"], "named like no frame"),
    ],
)
def test_a_name_of_no_frame_or_of_a_frame_twice_is_refused(tmp_path, stems, names, match):
    with pytest.raises(MaskError, match=match):
        understood(tmp_path / "m", source_of(stems, len(stems or range(12))), names)
