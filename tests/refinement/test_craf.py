"""The connected-region-aware filter: each step by hand, then what holds for any input."""

from collections.abc import Mapping
from typing import Any

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from propago.errors import MaskError, UsageError
from propago.io.checkpoint import load_state, save_state
from propago.ops.aggregate import constant_background, hard_max, joint_softmax, odds_ratio
from propago.pipeline import segment_frames
from propago.refinement.craf.run import Craf, CrafState
from propago.refinement.craf.settings import CrafSettings
from propago.types import Annotation, SoftMasks
from tiny_clip import as_frames, tiny_clip

SIZE = (24, 32)
PAPER = CrafSettings.paper()


def box(top, left, bottom, right):
    mask = np.zeros(SIZE, bool)
    mask[top:bottom, left:right] = True
    return mask


def scored(*maps, ids=None):
    """Scores of objects 1, 2, ... that are 0.9 in the given places, or what the floats say."""
    rows = [np.where(m, 0.9, 0.0) if m.dtype == bool else m for m in maps]
    return SoftMasks(ids or tuple(range(1, len(rows) + 1)), torch.tensor(np.array(rows)).float())


def cleaned(before, now, rules=PAPER):
    """Which pixels each object keeps in the second of two frames, and what was done."""
    craf = Craf(rules)
    state = craf.update(craf.begin(), before)
    scores, events = craf.filter(state, now)
    return [row.numpy() > 0 for row in scores.probabilities], events


def test_the_first_frame_is_taken_for_the_truth():
    craf, two = Craf(PAPER), scored(box(0, 0, 3, 3) | box(10, 10, 20, 20))
    assert craf.filter(craf.begin(), two) == (two, ())


def test_of_two_regions_the_one_that_agrees_stays():
    here, there = box(2, 2, 8, 8), box(12, 12, 22, 22)
    (kept,), events = cleaned(scored(here), scored(here | there))
    assert np.array_equal(kept, here)
    (event,) = events
    assert (event.id, event.what, event.area_px, event.box) == (1, "removed", 100, (12, 12, 22, 22))
    assert "1.00" in event.why


def test_of_equal_agreement_the_larger_stays():
    small, large = box(2, 2, 6, 6), box(12, 12, 22, 22)
    (kept,), _ = cleaned(scored(box(0, 25, 3, 30)), scored(small | large))
    assert np.array_equal(kept, large)


def test_a_best_region_that_is_too_small_is_passed_over():
    here, far = box(2, 2, 6, 6), box(10, 10, 20, 18)
    now = scored(here | far)
    assert np.array_equal(cleaned(scored(here), now)[0][0], far)  # 16 px of 80 is not above 0.2
    kept, _ = cleaned(scored(here), now, CrafSettings(regions="best", alpha=0.19))
    assert np.array_equal(kept[0], here)


def test_a_covered_object_takes_its_pixels_from_what_covers_it():
    large, small = box(2, 2, 20, 20), box(5, 5, 9, 9)
    kept, events = cleaned(scored(large, small), scored(large, small))
    assert np.array_equal(kept[0], large & ~small)
    assert np.array_equal(kept[1], small)
    assert [(e.id, e.area_px, e.why) for e in events] == [(1, 16, "object 2 covers it")]
    for beta in (1.0, None):
        kept, _ = cleaned(scored(large, small), scored(large, small), CrafSettings(beta=beta))
        assert np.array_equal(kept[0], large)


def test_coverage_up_to_beta_is_left_alone():
    large, edge = box(2, 2, 20, 20), box(2, 11, 3, 21)  # 9 of its 10 px within
    kept, _ = cleaned(scored(large, edge), scored(large, edge))
    assert np.array_equal(kept[0], large)


@pytest.mark.parametrize("swapped", [False, True])
def test_of_two_that_cover_each_other_the_one_that_was_not_there_yields(swapped):
    here, there = box(2, 2, 8, 8), box(12, 12, 18, 18)
    before = (there, here) if swapped else (here, there)
    kept, _ = cleaned(scored(*before), scored(here, here))
    assert np.array_equal(kept[1 if swapped else 0], here)
    assert not kept[0 if swapped else 1].any()


@pytest.mark.parametrize("rules", [PAPER, CrafSettings()])
def test_a_lost_object_is_recovered_from_another_ones_map(rules):
    here, there = box(2, 2, 10, 10), box(12, 12, 20, 20)
    nothing = np.zeros(SIZE, bool)
    kept, events = cleaned(scored(here, there), scored(here | there, nothing), rules)
    assert np.array_equal(kept[0], here)
    assert np.array_equal(kept[1], there)
    (event,) = events
    assert (event.id, event.what) == (2, "adopted")
    assert "from object 1" in event.why
    assert "1.00" in event.why


def test_recovery_needs_delta_and_a_loss():
    here, there = box(2, 2, 10, 10), box(12, 12, 20, 20)
    moved = box(12, 17, 20, 25)  # overlaps `there` by 24 of 104 px
    kept, _ = cleaned(scored(here, there), scored(here | moved, np.zeros(SIZE, bool)))
    assert not kept[1].any()
    little = box(12, 12, 15, 15)  # 9 of 64 px are above gamma
    kept, _ = cleaned(scored(here, there), scored(here | there, little))
    assert np.array_equal(kept[1], little)


def told(events):
    return [(e.id, e.what, e.area_px, e.box) for e in events]


def test_an_object_that_adopts_loses_what_it_had():
    here, there = box(2, 2, 10, 10), box(12, 12, 20, 20)
    before = scored(here, there)
    adopted = (2, "adopted", 64, (12, 12, 20, 20))
    kept, events = cleaned(before, scored(here | there, box(2, 20, 4, 22)))  # 4 of 64 px
    assert np.array_equal(kept[1], there)
    assert told(events) == [(2, "removed", 4, (20, 2, 22, 4)), adopted]
    kept, events = cleaned(before, scored(here | there, box(19, 12, 21, 14)))  # half of it in there
    assert np.array_equal(kept[1], there)
    assert told(events) == [(2, "removed", 2, (12, 19, 14, 21)), adopted]
    _, events = cleaned(before, scored(here | there, box(14, 14, 16, 16)))  # all of it
    assert told(events) == [adopted]


def test_what_an_object_had_before_it_adopts_is_no_other_ones():
    here, there, little = box(2, 2, 10, 10), box(12, 12, 20, 20), box(2, 20, 4, 22)
    nothing = np.zeros(SIZE, bool)
    kept, events = cleaned(scored(here, there, little), scored(here | there, little, nothing))
    assert not kept[2].any()
    assert [e.what for e in events] == ["removed", "adopted"]


def test_recovery_is_followed_by_the_coverage_step_again():
    here, there, around = box(2, 2, 10, 10), box(12, 12, 18, 18), box(11, 11, 22, 22)
    nothing = np.zeros(SIZE, bool)
    before = scored(here, there, around & ~there)
    kept, _ = cleaned(before, scored(here | there, nothing, around))
    assert np.array_equal(kept[1], there)
    assert np.array_equal(kept[2], around & ~there)


def test_consistent_keeps_every_part_that_was_there_and_best_only_one():
    two = box(2, 2, 10, 10) | box(14, 14, 18, 17)
    now, island = two.copy(), box(20, 28, 22, 30)
    (kept,), events = cleaned(scored(two), scored(now | island), CrafSettings(reach_px=8))
    assert np.array_equal(kept, two)
    assert [e.area_px for e in events] == [4]
    (kept,), _ = cleaned(scored(two), scored(now | island), PAPER)
    assert np.array_equal(kept, box(2, 2, 10, 10))


def test_consistent_believes_a_large_new_part_and_one_within_reach():
    here, large, near = box(2, 2, 10, 10), box(14, 14, 18, 18), box(12, 2, 14, 4)
    (kept,), _ = cleaned(scored(here), scored(here | large | near), CrafSettings(reach_px=2))
    assert np.array_equal(kept, here | large)
    (kept,), _ = cleaned(scored(here), scored(here | large | near), CrafSettings(reach_px=3))
    assert np.array_equal(kept, here | large | near)


def test_consistent_wants_half_of_a_small_part_within_reach():
    here = box(2, 2, 12, 12)
    for left, stays in ((13, True), (14, True), (15, False), (20, False)):
        part = box(2, left, 4, left + 4)  # columns up to 15 are within
        (kept,), _ = cleaned(scored(here), scored(here | part), CrafSettings(reach_px=4))
        assert np.array_equal(kept, here | part if stays else here)


def test_scores_outside_are_zero_and_inside_as_they_were():
    here, there = box(2, 2, 8, 8), box(12, 12, 22, 22)
    low = np.where(here, 0.8, np.where(there, 0.9, 0.3))
    craf = Craf(PAPER)
    state = craf.update(craf.begin(), scored(here))
    out = craf.filter(state, scored(low))[0].probabilities[0].numpy()
    assert np.array_equal(out, np.where(here, np.float32(0.8), np.float32(0)))


def test_an_adopted_region_has_its_donors_scores():
    here, there = box(2, 2, 10, 10), box(12, 12, 20, 20)
    first, second = np.where(here | there, 0.7, 0.0), np.where(there, 0.2, 0.0)
    craf = Craf(PAPER)
    state = craf.update(craf.begin(), scored(here, there))
    out = craf.filter(state, scored(first, second))[0].probabilities.numpy()
    assert np.allclose(out[1], np.where(there, 0.7, 0))
    assert np.allclose(out[0], np.where(here, 0.7, 0))


def test_holes_and_islands_below_a_size():
    whole = box(2, 2, 14, 14)
    hollow = whole & ~box(4, 4, 6, 6) & ~box(9, 9, 12, 12)
    island = box(20, 20, 22, 22)
    rules = CrafSettings(holes_px=4, islands_px=5)
    (kept,), events = cleaned(scored(whole | island), scored(hollow | island), rules)
    assert np.array_equal(kept, whole & ~box(9, 9, 12, 12))
    assert {(e.what, e.area_px) for e in events} == {("removed", 4), ("filled", 4)}


def test_a_hole_that_another_object_fills_is_no_hole():
    whole, core = box(2, 2, 14, 14), box(4, 4, 6, 6)
    kept, _ = cleaned(
        scored(whole & ~core, core), scored(whole & ~core, core), CrafSettings(holes_px=9)
    )
    assert not (kept[0] & kept[1]).any()


def test_the_released_rules():
    here, there = box(2, 2, 6, 6), box(10, 10, 22, 22)
    rules = CrafSettings.released()
    (kept,), _ = cleaned(scored(here), scored(np.where(here | there, 0.2, 0.0)), rules)
    assert not kept.any()  # `here` is too small a share, `there` agrees by 0: dropped
    both = box(2, 2, 10, 10)
    (kept,), _ = cleaned(scored(both), scored(here | there), rules)
    assert not kept.any()
    (kept,), _ = cleaned(scored(both | box(10, 10, 13, 12)), scored(here | there), rules)
    assert np.array_equal(kept, here | there)  # the small better one is kept, the large one added


def test_an_object_that_was_away_for_long_comes_back():
    craf, here, there = Craf(PAPER), box(2, 2, 8, 8), box(12, 12, 22, 22)
    state = craf.update(craf.begin(), scored(here))
    nothing = scored(np.zeros(SIZE, bool))
    for _ in range(50):
        state = craf.update(state, craf.filter(state, nothing)[0])
    out, _ = craf.filter(state, scored(there | box(0, 0, 2, 2)))
    assert np.array_equal(out.probabilities[0] > 0, there)


@pytest.mark.parametrize("rule", [hard_max, constant_background, odds_ratio, joint_softmax])
def test_what_is_remembered_is_what_is_labelled(rule):
    values = torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(0))
    for scores in (SoftMasks((2, 5, 9), values), rule(SoftMasks((2, 5, 9), values))):
        state, labels = Craf().update(CrafState(), scores), scores.labels()
        for i in scores.ids:
            region, drawn = state.regions[i], np.zeros(SIZE, bool)
            drawn[region.box] = region.mask
            assert np.array_equal(drawn, labels == i)


def test_no_objects_and_two_hundred():
    craf = Craf()
    state = craf.update(craf.begin(), SoftMasks.none(SIZE))
    assert craf.filter(state, SoftMasks.none(SIZE))[0].ids == ()
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 201, (12, 16), dtype=np.uint8).repeat(2, 0).repeat(2, 1)
    _, state, _ = craf.clean_labels(craf.begin(), labels)
    again, _, _ = craf.clean_labels(state, labels)
    assert np.array_equal(again, labels)


@pytest.mark.parametrize("bad", [float("nan"), 1.5, -0.1])
def test_scores_that_are_no_probabilities_are_refused(bad):
    craf = Craf()
    state = craf.update(craf.begin(), scored(box(2, 2, 8, 8)))
    values = torch.zeros(1, *SIZE)
    values[0, 3, 3] = bad
    for at in (craf.begin(), state):
        with pytest.raises(MaskError, match=r"\[0, 1\]"):
            craf.filter(at, SoftMasks((1,), values))


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.float64, torch.bool, torch.uint8, torch.int64]
)
def test_scores_of_any_type_within_0_and_1(dtype):
    craf, here, island = Craf(), box(2, 2, 8, 8), box(20, 28, 22, 30)
    state = craf.update(craf.begin(), SoftMasks((1,), torch.from_numpy(here)[None].to(dtype)))
    now = SoftMasks((1, 2), torch.from_numpy(np.stack([here | island, ~here])).to(dtype))
    out, _ = craf.filter(state, now)
    assert np.array_equal(out.probabilities[0].numpy() > 0, here)
    after = craf.update(state, SoftMasks((1, 2), out.probabilities.to(dtype)))
    assert {i: region.area for i, region in after.regions.items()} == {1: 36, 2: 732}


def test_integers_beyond_1_are_refused():
    craf = Craf()
    state = craf.update(craf.begin(), scored(box(2, 2, 8, 8)))
    with pytest.raises(MaskError, match="255"):
        craf.filter(state, SoftMasks((1,), torch.full((1, *SIZE), 255, dtype=torch.uint8)))


def test_another_size_than_before_is_refused():
    craf, small = Craf(), SoftMasks((1,), torch.ones(1, 12, 16))
    state = craf.update(craf.begin(), scored(box(2, 2, 8, 8)))
    for use in (craf.filter, craf.update):
        with pytest.raises(MaskError, match=r"16x12.*32x24"):
            use(state, small)
    with pytest.raises(MaskError, match=r"16x12.*32x24"):
        craf.clean_labels(state, np.ones((12, 16), np.uint8))


def test_scores_of_two_hundred():
    craf, rng = Craf(), np.random.default_rng(0)
    labels = rng.integers(0, 201, (6, 8)).repeat(4, 0).repeat(4, 1)
    ids = tuple(range(1, 201))
    scores = SoftMasks(ids, torch.from_numpy(labels == np.array(ids)[:, None, None]).float())
    state = craf.update(craf.begin(), scores)
    assert torch.equal(craf.filter(state, scores)[0].probabilities, scores.probabilities)


@pytest.mark.parametrize("rules", [PAPER, CrafSettings()])
def test_a_label_that_was_away_for_fifty_frames_comes_back(rules):
    craf, here, there = Craf(rules), box(2, 2, 8, 8), box(12, 12, 22, 22)
    _, state, _ = craf.clean_labels(craf.begin(), here.astype(np.uint8))
    for _ in range(50):
        _, state, _ = craf.clean_labels(state, np.zeros(SIZE, np.uint8))
    again, _, _ = craf.clean_labels(state, there.astype(np.uint8))
    assert np.array_equal(again, there)


@pytest.mark.parametrize("labels", [np.zeros((3, 4)), np.zeros((3, 4, 3), np.uint8)])
def test_what_is_no_label_map_is_refused(labels):
    with pytest.raises(MaskError, match="label map"):
        Craf().clean_labels(CrafState(), labels)


@pytest.mark.parametrize("wrong", [{"alpha": 2}, {"beta": -1}, {"holes_px": -1}, {"regions": "x"}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        CrafSettings(**wrong)


MAPS = hnp.arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 0, 1, 2, 5, 255]))


@pytest.mark.parametrize("parted", [False, True])
def test_a_daughter_keeps_its_own_id_where_its_mother_was(parted):
    """At a division the mother's label ends; the daughter's is not the mother's lost region."""
    before, after = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
    before[4:16, 4:20] = 1
    after[4:16, 4:15], after[4:16, 16:26] = 2, 3
    after[22, 30] = 2 * parted
    craf = Craf()
    _, state, _ = craf.clean_labels(craf.begin(), before)
    out, _, events = craf.clean_labels(state, after)
    assert np.array_equal(out, after)
    assert not events


def test_a_lost_object_is_still_taken_from_a_label_that_has_a_place_of_its_own():
    before, after = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
    before[2:10, 2:10], before[12:20, 12:20] = 1, 2
    after[2:10, 2:10] = after[12:20, 12:20] = 2
    craf = Craf()
    _, state, _ = craf.clean_labels(craf.begin(), before)
    out, _, events = craf.clean_labels(state, after)
    assert (out[2:10, 2:10] == 1).all()
    assert (out[12:20, 12:20] == 2).all()
    assert ("adopted", 64) in [(event.what, event.area_px) for event in events]


@given(MAPS, MAPS, st.sampled_from([PAPER, CrafSettings.released()]))
@settings(max_examples=60, deadline=None)
def test_label_maps_and_scores_of_them_are_cleaned_alike(first, second, rules):
    craf = Craf(rules)
    _, state, _ = craf.clean_labels(craf.begin(), first)
    out, after, events = craf.clean_labels(state, second)
    ids = tuple(i for i in (1, 2, 5) if (first == i).any() or (second == i).any())
    rows = np.array([second == i for i in ids]).reshape(len(ids), *second.shape)
    scores, same = craf.filter(state, SoftMasks(ids, torch.from_numpy(rows).float()))
    assert np.array_equal(np.where(second == 255, 255, scores.labels()), out)
    assert [e.area_px for e in events] == [e.area_px for e in same]
    assert (out[second == 0] == 0).all()
    assert np.array_equal(out == 255, second == 255)
    assert after.frames == 2


@given(
    MAPS,
    MAPS,
    st.sampled_from([PAPER, CrafSettings(), CrafSettings(regions="best", gamma=1, delta=0.1)]),
)
@settings(max_examples=60, deadline=None)
def test_every_pixel_that_goes_is_told(first, second, rules):
    craf = Craf(rules)
    _, state, _ = craf.clean_labels(craf.begin(), first)
    out, _, events = craf.clean_labels(state, second)
    gone = np.isin(second, (1, 2, 5)).sum() - np.isin(out, (1, 2, 5)).sum()
    assert gone == sum(e.area_px for e in events if e.what == "removed")


@given(MAPS)
@settings(max_examples=30, deadline=None)
def test_consistent_changes_nothing_in_a_still_picture(labels):
    craf = Craf()
    _, state, _ = craf.clean_labels(craf.begin(), labels)
    again, _, events = craf.clean_labels(state, labels)
    assert np.array_equal(again, labels)
    assert events == ()


class Islands:
    """A propagator that predicts the true label map with an island that comes and goes."""

    description: Mapping[str, Any] = {}
    look_ahead_frames = 0

    def __init__(self, labels):
        self.labels = labels

    def begin(self):
        return ()

    def predict(self, state, frame):
        mask = self.labels[frame.index] == 1
        if frame.index % 2:
            mask = mask | box(22, 30, 24, 32)
        return SoftMasks(state, torch.from_numpy(mask).float()[None][: len(state)]), None

    def update(self, state, seen, scores, given):
        return scores.ids

    def aggregate(self, scores):
        return scores


def test_in_the_loop_the_state_can_be_saved_and_the_rest_is_equal(tmp_path):
    images, labels = tiny_clip(6, SIZE)
    frames, given, craf = as_frames(images), {0: Annotation(labels[0])}, Craf()
    whole = list(segment_frames(frames, given, Islands(labels), clean=craf))
    assert all(np.array_equal(r.labels, truth) for r, truth in zip(whole, labels, strict=True))
    save_state(tmp_path / "state", whole[2].checkpoint)
    resume = load_state(tmp_path / "state")
    rest = list(segment_frames(frames[3:], given, Islands(labels), clean=craf, resume=resume))
    assert all(
        torch.equal(a.masks.probabilities, b.masks.probabilities)
        for a, b in zip(rest, whole[3:], strict=True)
    )
