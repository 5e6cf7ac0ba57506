"""Objects that end by a person's word."""

import json

import numpy as np
import pytest

from propago.errors import PropagoWarning, UsageError
from propago.io.masks import read_mask, write_mask
from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment
from propago.methods.optical_flow.run import OpticalFlow
from segment_runs import FRAMES, SIZE, lines, mask_bytes
from tiny_clip import tiny_clip


def ended(clip, *ends, out="out", masks=("first.png",), **options):
    return segment(
        clip / "frames",
        [clip / mask for mask in masks],
        end_objects=ends,
        out=clip / out,
        method=OpticalFlow(),
        options=SegmentOptions(**options),
    )


def ids_by_frame(result):
    return [
        set(np.unique(read_mask(path, may_be_empty=True).labels).tolist()) - {0}
        for path in sorted(result.masks.iterdir())
    ]


def test_an_ended_object_is_gone_from_its_frame_on_and_not_lost(clip):
    result = ended(clip, "5@3")
    assert ids_by_frame(result) == [{1, 5}] * 3 + [{1}] * (FRAMES - 3)
    assert (result.ids, result.lost, result.uncertain) == ((1, 5), {}, {})
    assert not any("object 5" in note for note in result.notes)
    assert set(lines(result.out)[3]["objects"]) == {"1"}
    assert json.loads((result.out / "run.json").read_text())["ended"] == {"3": [5]}


def test_ends_are_texts_or_pairs_and_all_may_end(clip):
    result = ended(clip, (1, 2), " 5 @ 7 ")
    assert ids_by_frame(result) == [{1, 5}] * 2 + [{5}] * 5 + [set()]


def test_an_ended_object_comes_back_with_a_later_mask(clip):
    _, labels = tiny_clip(FRAMES, SIZE, (1, 5))
    (clip / "later").mkdir()
    write_mask(clip / "later" / "shot_006.png", labels[6])
    result = ended(clip, "5@3", masks=("first.png", "later"))
    assert ids_by_frame(result) == [{1, 5}] * 3 + [{1}] * 3 + [{1, 5}] * 2


def test_an_end_that_is_added_goes_on_from_the_checkpoint_before_it(clip, often):
    fresh = ended(clip, "5@4", out="fresh")
    ended(clip)
    with pytest.warns(PropagoWarning, match=r"from frame 4 on: going on from frame 3"):
        result = ended(clip, "5@4", resume=True)
    assert mask_bytes(result.out) == mask_bytes(fresh.out)
    whole = ended(clip, out="whole")
    with pytest.warns(PropagoWarning, match=r"from frame 4 on: going on from frame 3"):
        assert mask_bytes(ended(clip, resume=True).out) == mask_bytes(whole.out)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("5", "is an end|ID@FRAME"),
        ("five@3", "ID@FRAME, for example 2@140"),
        ("7@3", r"object 7 has no mask before frame 3; there are objects 1 \(from frame 0\), 5"),
        ("5@0", "has no mask before frame 0"),
        ("5@8", "there is no frame 8 to take: frames has frames 0 to 7"),
        ("5@99999", "there is no frame 99999"),
    ],
)
def test_an_illegal_end_is_refused_with_what_is_legal(clip, end, said):
    with pytest.raises(UsageError, match=said):
        ended(clip, end)
    assert not (clip / "out").exists()


def test_an_object_cannot_end_where_it_has_a_mask(clip):
    _, labels = tiny_clip(FRAMES, SIZE, (1, 5))
    (clip / "later").mkdir()
    write_mask(clip / "later" / "shot_003.png", labels[3])
    with pytest.raises(UsageError, match="ends there, or has one"):
        ended(clip, "5@3", masks=("first.png", "later"))
