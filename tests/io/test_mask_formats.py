"""Masks of a video in every format: what is written comes back, whoever reads it."""

import json
from functools import partial

import numpy as np
import pytest
import torch

from propago.errors import MaskError, SourceError, UsageError
from propago.io.conversion import write_videos
from propago.io.formats import FORMATS, open_masks
from propago.io.instances import FrameInstances, InstanceSequence
from propago.types import SoftMasks

LABELS = np.zeros((6, 8), np.uint8)
LABELS[1:3, 1:4], LABELS[3:5, 4:8] = 1, 7
HARD = {"00002": LABELS, "00010": np.where(LABELS == 1, 0, LABELS)}
SOFT = {
    name: SoftMasks((1, 7), 0.75 * torch.from_numpy(np.stack([labels == 1, labels == 7])))
    for name, labels in HARD.items()
}


def write(path, masks, name):
    found = {frame: partial(FrameInstances.of_masks, mask) for frame, mask in masks.items()}
    write_videos(path, [InstanceSequence("video", found)], name)


@pytest.mark.parametrize(
    ("name", "masks", "where"),
    [
        ("label-maps", HARD, "."),
        ("youtube-vis", HARD, "tracks.json"),
        ("soft-masks", SOFT, "."),
        ("soft-pictures", SOFT, "."),
    ],
)
def test_what_is_written_comes_back(tmp_path, name, masks, where):
    path = tmp_path / where
    write(path, masks, name)
    back = open_masks(path, None if name != "soft-pictures" else name)
    assert back.names == ("00002", "00010")
    assert back.size == (6, 8)
    for frame, labels in HARD.items():
        np.testing.assert_array_equal(back.labels(frame), labels)
        assert set(back.soft_masks(frame).ids) <= {1, 7}
    with pytest.raises(MaskError, match="no mask of frame 00003"):
        back.labels("00003")


def test_what_segment_writes_is_found_by_its_root_soft_masks_first(tmp_path):
    write(tmp_path / "masks", HARD, "label-maps")
    assert isinstance(next(iter(open_masks(tmp_path)))[1], np.ndarray)
    write(tmp_path / "scores", SOFT, "soft-masks")
    assert isinstance(next(iter(open_masks(tmp_path)))[1], SoftMasks)
    assert isinstance(next(iter(open_masks(tmp_path, "label-maps")))[1], np.ndarray)


def test_an_empty_frame_of_a_track_file_is_background(tmp_path):
    write(tmp_path / "t.json", {"0": LABELS, "1": LABELS * 0}, "youtube-vis")
    assert not open_masks(tmp_path / "t.json").labels("1").any()


def test_what_is_no_mask_is_refused_by_name(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        open_masks(tmp_path / "gone")
    with pytest.raises(SourceError, match=f"formats are {', '.join(FORMATS)}"):
        open_masks(tmp_path)
    with pytest.raises(UsageError, match="'mots' is no format"):
        open_masks(tmp_path, "mots")
    videos = [{"id": n, "file_names": [], "height": 6, "width": 8} for n in (1, 2)]
    (tmp_path / "two.json").write_text(json.dumps({"videos": videos, "annotations": []}))
    with pytest.raises(SourceError, match="of one video"):
        open_masks(tmp_path / "two.json")
