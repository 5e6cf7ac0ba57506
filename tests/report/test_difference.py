import numpy as np

from propago.report.colours import HUES, colour_table
from propago.report.difference import CONFUSED, INVENTED, MISSED, draw_difference


def rgb(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def test_each_kind_of_error_has_its_colour():
    gt = np.array([[0, 1, 1, 1, 0]], np.uint8)
    pred = np.array([[0, 1, 0, 2, 2]], np.uint8)
    picture = np.full((1, 5, 3), 100, np.uint8)
    drawn = draw_difference(picture, gt, pred)[0].tolist()
    assert drawn[2:] == [rgb(MISSED), rgb(CONFUSED), rgb(INVENTED)]
    ground, right = drawn[:2]
    assert len(set(ground)) == len(set(right)) == 1
    assert right[0] > ground[0]
    assert (picture == 100).all()


def luminance(colour: str) -> float:
    parts = [v / 255 for v in rgb(colour)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_hues_stand_out_from_both_grounds():
    for hue in HUES:
        for ground in ("#ffffff", "#1a1d21"):
            dark, light = sorted((luminance(hue), luminance(ground)))
            assert (light + 0.05) / (dark + 0.05) >= 3, (hue, ground)


def test_colours_repeat_but_zero_is_black():
    table = colour_table()
    assert table[0].tolist() == [0, 0, 0]
    assert table[1].tolist() == table[1 + len(HUES)].tolist() == rgb(HUES[0])
