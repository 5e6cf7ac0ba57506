"""Label maps that NumPy wrote: as annotations, as masks of anyone, as results."""

import numpy as np
import pytest

from propago.errors import MaskError
from propago.io.annotations import read_annotations
from propago.io.formats import open_masks
from propago.io.masks import read_mask, write_mask
from propago.io.video import open_source
from propago.jobs.evaluate import evaluate


def labels(t: int = 0) -> np.ndarray:
    """Objects 1 and 2, which move."""
    found = np.zeros((12, 16), np.uint8)
    found[2:6, 2 + t : 7 + t], found[7:10, 8:12] = 1, 2
    return found


@pytest.mark.parametrize("kind", ["uint8", "int32", "uint16", "int64", "float32", ">i4"])
def test_whole_numbers_of_any_type_are_ids(tmp_path, kind):
    np.save(tmp_path / "a.npy", labels().astype(kind))
    np.savez_compressed(tmp_path / "b.npz", segmentation=labels().astype(kind))
    for name in ("a.npy", "b.npz"):
        np.testing.assert_array_equal(read_mask(tmp_path / name).labels, labels())


@pytest.mark.parametrize("drawn", [labels() == 1, (labels() == 1) * 255, (labels() == 1) * 255.0])
def test_true_or_white_alone_is_object_1(tmp_path, drawn):
    np.save(tmp_path / "a.npy", drawn)
    np.testing.assert_array_equal(read_mask(tmp_path / "a.npy").labels, labels() == 1)


def test_more_than_254_ids_keep_their_numbers(tmp_path):
    np.save(tmp_path / "a.npy", labels().astype(np.int64) * 300)
    found = read_mask(tmp_path / "a.npy").labels
    assert found.dtype == np.uint16
    assert np.unique(found).tolist() == [0, 300, 600]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (labels() / 4, "fractions"),
        (np.stack([labels()] * 3), "one file each"),
        (np.array([{"masks": 1}], object), "cannot be read as an array"),
        (labels().astype(int) - 1, "whole numbers from 0 to 65535"),
        (np.full((4, 4), np.nan), "fractions"),
    ],
)
def test_arrays_that_are_no_label_maps(tmp_path, values, said):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(MaskError, match=said):
        read_mask(tmp_path / "a.npy")


def test_several_arrays_in_a_file_and_damaged_ones(tmp_path):
    np.savez(tmp_path / "a.npz", first=labels(), second=labels())
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:200])
    with pytest.raises(MaskError, match="it holds first, second"):
        read_mask(tmp_path / "a.npz")
    with pytest.raises(MaskError, match="cannot be read"):
        read_mask(tmp_path / "b.npz")


def test_annotations_and_results_are_arrays(tmp_path):
    frames, masks, truth = (tmp_path / name for name in ("frames", "masks", "truth"))
    for folder in (frames, masks, truth):
        folder.mkdir()
    for t in range(4):
        write_mask(truth / f"{t:05}.png", labels(t))
        write_mask(frames / f"{t:05}.png", labels(t) * 90)
        np.save(masks / f"{t:05}.npy", labels(t).astype(np.int32))
    given, _ = read_annotations(masks, open_source(frames))
    assert {index: annotation.ids for index, annotation in given.items()} == dict.fromkeys(
        range(4), (1, 2)
    )
    opened = open_masks(masks)
    np.testing.assert_array_equal(opened.labels("00002"), labels(2))
    assert evaluate(masks, truth).figures["J&F"] == 1
