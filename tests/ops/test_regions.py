import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings
from scipy import ndimage

from propago.ops import regions
from propago.ops.regions import Region

MAPS = hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def drawn(size, *parts):
    """The map on which regions lie."""
    out = np.zeros(size, bool)
    for part in parts:
        out[part.box] |= part.mask
    return out


@given(MAPS)
@settings(max_examples=60, deadline=None)
def test_components_are_scipys_largest_first(mask):
    found = regions.components(mask)
    labels = np.asarray(ndimage.label(mask, np.ones((3, 3)))[0])
    assert len(found) == labels.max(initial=0)
    areas = [part.area for part in found]
    assert areas == sorted(areas, reverse=True)
    for part in found:
        own = drawn(mask.shape, part)
        assert own.sum() == part.area
        assert np.array_equal(own, labels == labels[own][0])


@given(MAPS, st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_asked_of_two_regions_is_what_the_maps_say(a, data):
    b = data.draw(hnp.arrays(bool, a.shape))
    one, other = regions.region_of(a), regions.region_of(b)
    if one is None or other is None:
        assert not a.any() or not b.any()
        return
    assert regions.overlap(one, other) == (a & b).sum()
    assert regions.iou(one, other) == (a & b).sum() / (a | b).sum()
    left = regions.without(one, other)
    assert np.array_equal(drawn(a.shape, *([left] if left else [])), a & ~b)
    assert np.array_equal(drawn(a.shape, regions.union([one, other])), a | b)
    assert regions.union([one, other]).area == (a | b).sum()


@given(MAPS)
@settings(max_examples=60, deadline=None)
def test_holes_are_what_scipy_fills(mask):
    whole = regions.region_of(mask)
    if whole is None:
        return
    enclosed = ndimage.binary_fill_holes(mask) & ~mask
    assert np.array_equal(drawn(mask.shape, *regions.holes(whole)), enclosed)


def test_a_widened_region_reaches_over_the_border():
    wide = regions.widened(Region(0, 5, np.ones((1, 1), bool), 1), 2)
    assert (wide.xyxy, wide.area) == ((3, -2, 8, 3), 25)


def test_noise_costs_a_bounded_number_of_regions():
    mask = np.zeros((480, 854), bool)
    mask[::2, ::2] = True
    assert len(regions.components(mask)) == regions.MOST_REGIONS


def test_regions_of_a_ragged_map_are_scipys_too():
    rng = np.random.default_rng(0)
    mask = rng.random((300, 300)) > 0.45
    labels = ndimage.label(mask, np.ones((3, 3)))[0]
    areas = np.sort(np.bincount(labels.ravel())[1:])[::-1]
    found = regions.components(mask)
    assert [part.area for part in found] == list(areas[: regions.MOST_REGIONS])


@given(MAPS, st.data(), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_overlap_within_reach_is_one_with_the_widened(a, data, reach_px):
    b = data.draw(hnp.arrays(bool, a.shape))
    one, other = regions.region_of(a), regions.region_of(b)
    if one is None or other is None:
        return
    wide = ndimage.binary_dilation(a, np.ones((3, 3)), reach_px) if reach_px else a
    assert regions.overlap_within(other, one, reach_px) == (wide & b).sum()
    assert np.array_equal(drawn(a.shape, regions.within(one, one.mask)), drawn(a.shape, one))
    left = regions.within(one, b[one.box])
    assert np.array_equal(drawn(a.shape, *([left] if left else [])), a & b)
