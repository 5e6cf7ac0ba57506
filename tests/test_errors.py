from types import SimpleNamespace

import pytest

from propago.errors import UsageError, require_range


@pytest.mark.parametrize("value", [0, 0.5, 1])
def test_a_setting_in_its_range_passes_bounds_included(value):
    require_range(SimpleNamespace(share=value), "share", least=0, most=1)


@pytest.mark.parametrize("value", [0, 1, float("inf"), float("nan")])
def test_open_bounds_and_what_is_not_finite_are_refused(value):
    with pytest.raises(UsageError, match=r"share = .*: it is a number above 0 and below 1"):
        require_range(SimpleNamespace(share=value), "share", above=0, below=1)


def test_the_first_setting_out_of_range_is_named_with_its_value():
    settings = SimpleNamespace(looks=3, recent=-1, anchors=-2)
    with pytest.raises(UsageError, match=r"^recent = -1: it is a number at least 0$"):
        require_range(settings, "looks", "recent", "anchors", least=0)
