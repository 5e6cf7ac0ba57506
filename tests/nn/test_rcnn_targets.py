"""Which boxes are examples of what: cases by hand."""

import pytest
import torch

from propago.nn.rcnn_targets import (
    NEGATIVE,
    UNUSED,
    Instances,
    assigned,
    covered_share,
    negatives_known,
    pictures_of,
    sampled,
)

IOUS = torch.tensor([[0.8, 0.1, 0.5, 0.0, 0.2], [0.2, 0.2, 0.6, 0.0, 0.2]])


def picture(ids, labelled, boxes=((0.0, 0, 8, 8),)):
    batch = Instances(
        torch.zeros(1, 3, *ids.shape, dtype=torch.uint8),
        ids[None],
        [torch.tensor(boxes)],
        [torch.ones(len(boxes), dtype=torch.int64)],
        torch.tensor([labelled]),
    )
    return pictures_of(batch)[0]


def test_a_box_is_of_the_instance_that_it_overlaps_most():
    assert assigned(IOUS, 0.7, 0.3).tolist() == [0, NEGATIVE, UNUSED, NEGATIVE, NEGATIVE]
    assert assigned(IOUS, 0.5, 0.5).tolist() == [0, NEGATIVE, 1, NEGATIVE, NEGATIVE]


def test_the_best_box_of_an_instance_is_one_of_it_however_little_they_overlap():
    assert assigned(IOUS, 0.7, 0.3, best_too=True).tolist() == [0, NEGATIVE, 1, NEGATIVE, NEGATIVE]
    nothing = assigned(torch.zeros(1, 3), 0.7, 0.3, best_too=True)
    assert nothing.tolist() == [NEGATIVE] * 3


def test_without_instances_every_box_is_a_negative():
    assert assigned(torch.zeros(0, 3), 0.7, 0.3, best_too=True).tolist() == [NEGATIVE] * 3


def test_a_box_on_unknown_pixels_is_no_negative():
    ids = torch.zeros(20, 20, dtype=torch.int16)
    ids[:, 10:] = -1
    boxes = torch.tensor([[0.0, 0, 8, 8], [10, 0, 20, 10], [8, 0, 14, 10], [0, 0, 12, 12]])
    found = torch.tensor([0, NEGATIVE, NEGATIVE, NEGATIVE])
    known = negatives_known(found, torch.zeros(1, 4), boxes, picture(ids, [True] * 3))
    assert known.tolist() == [0, UNUSED, UNUSED, NEGATIVE]


def test_where_not_all_is_labelled_a_negative_touches_what_is():
    ids = torch.zeros(20, 20, dtype=torch.int16)
    ious = torch.tensor([[0.9, 0.1, 0.0]])
    found = torch.tensor([0, NEGATIVE, NEGATIVE])
    some = negatives_known(found, ious, torch.zeros(3, 4), picture(ids, [True, True, False]))
    assert some.tolist() == [0, NEGATIVE, UNUSED]
    every = negatives_known(found, ious, torch.zeros(3, 4), picture(ids, [False, True, True]))
    assert every.tolist() == [0, NEGATIVE, NEGATIVE]


@pytest.mark.parametrize(
    ("found", "count", "wanted"),
    [
        ([0] * 10 + [NEGATIVE] * 30, 16, (4, 12)),
        ([0] * 2 + [NEGATIVE] * 30, 16, (2, 14)),
        ([0] * 10 + [NEGATIVE] * 3 + [UNUSED] * 9, 16, (4, 3)),
        ([UNUSED] * 5, 16, (0, 0)),
    ],
)
def test_examples_are_drawn_in_their_share(found, count, wanted):
    found = torch.tensor(found)
    positives, negatives = sampled(found, count, 0.25, torch.Generator().manual_seed(0))
    assert (len(positives), len(negatives)) == wanted
    assert (found[positives] >= 0).all()
    assert (found[negatives] == NEGATIVE).all()
    assert len(positives.unique()) == len(positives)


def test_the_covered_share_is_what_a_count_says():
    generator = torch.Generator().manual_seed(0)
    mask = torch.rand(13, 17, generator=generator) < 0.4
    for x0, y0, x1, y1 in [(0, 0, 17, 13), (3, 2, 9, 11), (-4, 5, 6, 40)]:
        share = covered_share(mask, torch.tensor([[x0, y0, x1, y1]], dtype=torch.float32))
        part = mask[max(y0, 0) : y1, max(x0, 0) : x1]
        assert share.item() == pytest.approx(part.float().mean().item(), abs=1e-5)
