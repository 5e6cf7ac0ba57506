import math

from propago.report.curves import curve_path, scale_top


def test_a_gap_lifts_the_pen_and_a_lone_value_is_a_dot():
    assert curve_path([1, 0.5, None, 0, math.nan]) == "M0 0h0L1 0.5M3 1h0"
    assert curve_path([]) == curve_path([None]) == ""


def test_the_axis_holds_every_value():
    assert scale_top([0.2, None, 1.0]) == scale_top([]) == 1.0
    assert scale_top([1.2]) == 1.5
    assert curve_path([1.5, 0], 1.5) == "M0 0h0L1 1"
